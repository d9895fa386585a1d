/* SPDX-License-Identifier: MIT */
/* What wsserver needs of httpserver, and the other way round: events of both come from one queue.
 */
#ifndef ESPBENCH_HTTPSERVER_H
#define ESPBENCH_HTTPSERVER_H

#include "webserver/server.h"

/* Runs wsserver's callback for an event; frees the item. May raise KeyboardInterrupt. */
void wsserver_dispatch(server_item_t *item);

/* Prints an exception that a handler raised, and counts it; raises what is not an error of the
 * handler's (KeyboardInterrupt, SystemExit) again. */
void httpserver_handler_failed(void *exception, bool secure);

#endif
