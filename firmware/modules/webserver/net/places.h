/* SPDX-License-Identifier: MIT */
/* Who holds a server's places, and who makes room for a new connection. */
#ifndef ESPBENCH_WEBSERVER_NET_PLACES_H
#define ESPBENCH_WEBSERVER_NET_PLACES_H

#include "webserver/net/listener.h"

#define SILENT_US 100000 /* before that, a new client's first bytes are on their way */

/* Whether the connection counts towards the limit: not if it only waits for the peer's FIN, nor if
 * it is the WebREPL's session, which has its own place. */
bool place_is_held(const connection_t *connection);

/* Whether something was begun on the connection that its end would cut off. */
bool place_is_busy(const connection_t *connection);

/* Frees a place. False: nobody can be closed for a new connection. */
bool place_make(listener_t *listener);

/* Clients could not be heard since then, because a handshake was computed. */
void places_computed(uint64_t since);

#endif
