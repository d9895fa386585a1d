/* SPDX-License-Identifier: MIT */
/* Handlers in Python: their table, calling one with a request, and sending its response. */
#ifndef ESPBENCH_HTTPSERVER_HANDLERS_H
#define ESPBENCH_HTTPSERVER_HANDLERS_H

#include "py/obj.h"
#include "webserver/server.h"

void http_handlers_set(int index, mp_obj_t handler);
void http_handlers_forget(void);

/* Runs the handler of a queued request and answers it; frees the item. May raise
 * KeyboardInterrupt and SystemExit. */
void http_handlers_run(server_item_t *item);

/* Answers the request whose handler is running, with at most `most` bytes of the content. False:
 * the client is gone, or out of memory. Raises RuntimeError when no request awaits a response,
 * ValueError for a bad header. */
bool http_handlers_send(mp_obj_t content, unsigned status, const char *content_type,
                        mp_obj_t headers, size_t most);

#endif
