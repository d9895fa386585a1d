/* SPDX-License-Identifier: MIT */
/* The two servers' listeners, and the connections of each. */
#ifndef ESPBENCH_WEBSERVER_NET_LISTENER_H
#define ESPBENCH_WEBSERVER_NET_LISTENER_H

#include "webserver/connection.h"

typedef struct {
    struct tcp_pcb *pcb; /* NULL: not listening */
    transport_options_t options;
    connection_t *connections;
    bool any_spare; /* one of them may be spare; cleared late */
} listener_t;

extern listener_t listeners[SERVER_SCHEMES];

/* Removes ended connections from the list, and frees them. */
void listener_remove_ended(listener_t *listener);

#endif
