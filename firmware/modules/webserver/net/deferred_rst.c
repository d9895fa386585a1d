/* SPDX-License-Identifier: MIT */
#include "webserver/net/deferred_rst.h"

#include <stddef.h>

#include "lwip/prot/tcp.h"

/* If more are pending, their RSTs are lost. Enough for the default limits of both servers. */
#define OWED_MAX 16

typedef struct {
    struct tcp_pcb *pcb; /* NULL: free */
} owed_t;

static owed_t owed[OWED_MAX];

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
    ((owed_t *)arg)->pcb = NULL; /* the peer reset it first: lwIP has freed it */
}

bool owed_reset(struct tcp_pcb *pcb) {
    owed_t *place = NULL;
    if (!has_memory_for_reset()) {
        for (size_t i = 0; i < OWED_MAX && !place; i++) {
            place = owed[i].pcb ? NULL : &owed[i];
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

bool owed_reset_poll(void) {
    bool left = false;
    for (size_t i = 0; i < OWED_MAX; i++) {
        struct tcp_pcb *pcb = owed[i].pcb;
        if (!pcb) {
            continue;
        }
        if (!left && has_memory_for_reset()) {
            owed[i].pcb = NULL;
            tcp_err(pcb, NULL);
            tcp_abort(pcb);
        } else {
            left = true;
        }
    }
    return !left;
}
