/* SPDX-License-Identifier: MIT */
/*
 * TCP resets that could not be sent for lack of memory. lwIP's tcp_abort() loses the RST then, and
 * the peer would wait for ever for a connection that is gone: such a connection is kept, without
 * its buffers and callbacks, until memory for its RST is there.
 */
#ifndef ESPBENCH_WEBSERVER_NET_DEFERRED_RST_H
#define ESPBENCH_WEBSERVER_NET_DEFERRED_RST_H

#include <stdbool.h>

#include "lwip/tcp.h"

/* Ends a connection by a RST, now or as soon as there is memory for it. True: the pcb is gone. */
bool owed_reset(struct tcp_pcb *pcb);

/* Sends what can be sent; false: some are still owed. */
bool owed_reset_poll(void);

#endif
