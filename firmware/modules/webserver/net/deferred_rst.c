/* SPDX-License-Identifier: MIT */
#include "webserver/net/deferred_rst.h"

#include <stddef.h>

#include "lwip/prot/tcp.h"

/* If more are pending, their RSTs are lost. Enough for the default limits of both servers. */
#define DEFERRED_MAX 16

typedef struct {
    struct tcp_pcb *pcb; /* NULL: free */
} deferred_t;

static deferred_t deferred[DEFERRED_MAX];

static bool has_memory_for_reset(void) {
    struct pbuf *probe = pbuf_alloc(PBUF_IP, TCP_HLEN, PBUF_RAM); /* as tcp_rst() allocates */
    if (!probe) {
        return false;
    }
    pbuf_free(probe);
    return true;
}

static err_t drop(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error) {
    (void)arg, (void)error;
    if (p) {
        tcp_recved(pcb, p->tot_len);
        pbuf_free(p);
    }
    return ERR_OK;
}

static void forget(void *arg, err_t error) {
    (void)error;
    ((deferred_t *)arg)->pcb = NULL; /* the peer reset it first: lwIP has freed it */
}

bool deferred_rst_abort(struct tcp_pcb *pcb) {
    deferred_t *place = NULL;
    if (!has_memory_for_reset()) {
        for (size_t i = 0; i < DEFERRED_MAX && !place; i++) {
            place = deferred[i].pcb ? NULL : &deferred[i];
        }
    }
    if (!place) {
        tcp_abort(pcb);
        return true;
    }
    place->pcb = pcb;
    tcp_arg(pcb, place);
    tcp_recv(pcb, drop);
    tcp_sent(pcb, NULL);
    tcp_err(pcb, forget);
    return false;
}

bool deferred_rst_poll(void) {
    bool left = false;
    for (size_t i = 0; i < DEFERRED_MAX; i++) {
        struct tcp_pcb *pcb = deferred[i].pcb;
        if (!pcb) {
            continue;
        }
        if (!left && has_memory_for_reset()) {
            deferred[i].pcb = NULL;
            tcp_err(pcb, NULL);
            tcp_abort(pcb);
        } else {
            left = true;
        }
    }
    return !left;
}
