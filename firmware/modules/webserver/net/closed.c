/* SPDX-License-Identifier: MIT */
/*
 * A limit for closed connections. Where control blocks come from the heap (MEMP_MEM_MALLOC),
 * MEMP_NUM_TCP_PCB limits nothing, and lwIP recycles a closed connection's block only when a new
 * one cannot be allocated (tcp_alloc()). By then a busy server has no memory left for its requests:
 * each connection that it closes first takes about 200 bytes for 2 MSL, which is two minutes with
 * ESP-IDF's default.
 *
 * RFC 9293 section 3.6.1 allows an end of TIME_WAIT for a new connection alone. The oldest block
 * goes, as in tcp_kill_timewait(): the longer ago it was closed, the less likely is a late segment.
 */
#include "webserver/net/closed.h"

#include "lwip/priv/tcp_priv.h"

#include "webserver/net/listener.h"

/* In TIME_WAIT, and as many that wait for acknowledgements. They take 3.5 kB each. */
#define CLOSED_MAX 16

/* Whether no connection of ours has it any more. A connection in SYN_RCVD has its listener's
 * argument. */
static bool is_closed(const struct tcp_pcb *pcb) {
    if (pcb->callback_arg) {
        return false;
    }
    for (int i = 0; i < SERVER_SCHEMES; i++) {
        if (listeners[i].pcb && listeners[i].options.port == pcb->local_port) {
            return true;
        }
    }
    return false;
}

/* lwIP's lists begin with the connection that was closed, or heard from, last. */
static void limit(struct tcp_pcb *list) {
    unsigned count = 0;
    for (struct tcp_pcb *pcb = list, *next; pcb; pcb = next) {
        next = pcb->next;
        if (is_closed(pcb) && ++count > CLOSED_MAX) {
            tcp_abort(pcb); /* in TIME_WAIT it sends nothing */
        }
    }
}

void closed_limit(void) {
    limit(tcp_tw_pcbs);
    limit(tcp_active_pcbs);
}
