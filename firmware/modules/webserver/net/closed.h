/* SPDX-License-Identifier: MIT */
/* Closed connections that lwIP still keeps: in TIME_WAIT, or until their last segments are
 * acknowledged. */
#ifndef ESPBENCH_WEBSERVER_NET_CLOSED_H
#define ESPBENCH_WEBSERVER_NET_CLOSED_H

/* Frees the oldest of the servers' closed connections beyond the limit. Call it for each new
 * connection, outside of tcp_input(). */
void closed_limit(void);

#endif
