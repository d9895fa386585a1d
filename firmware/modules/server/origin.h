/*
 * The Origin allow-list of a WebSocket endpoint (RFC 6455 section 10.2, RFC 6454): browsers say
 * which page opens a WebSocket, and a page of somebody else's must not use the owner's device.
 * Clients that are no browsers send no Origin; they are not what the list is for. Pure.
 */
#ifndef ESPBENCH_SERVER_ORIGIN_H
#define ESPBENCH_SERVER_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

/* Whether this may be an entry of a list: "scheme://host" or "scheme://host:port", "null" (pages
 * from files and sandboxes), or "*" (all). */
bool origin_entry_valid(const char *entry);

/* Whether a list (strings that end in NUL, an empty one at its end; NULL: no list, all allowed)
 * has this origin. `origin` is NULL without the header: allowed. Scheme and host have no case. */
bool origin_allowed(const char *list, const char *origin);

#endif
