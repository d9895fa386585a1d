/* SPDX-License-Identifier: MIT */
/*
 * TCP resets deferred for lack of memory. Without memory, lwIP's tcp_abort() loses the RST, and the
 * peer would wait forever on a dead connection. Such a connection is kept, without its buffers and
 * callbacks, until there is memory for its RST.
 */
#ifndef ESPBENCH_WEBSERVER_NET_DEFERRED_RST_H
#define ESPBENCH_WEBSERVER_NET_DEFERRED_RST_H

#include <stdbool.h>

#include "lwip/tcp.h"

/* Aborts a connection with a RST, now or as soon as there is memory for it. True: the pcb is
 * freed. */
bool deferred_rst_abort(struct tcp_pcb *pcb);

/* Sends the deferred RSTs for which there is memory; false: some are still pending. */
bool deferred_rst_poll(void);

#endif
