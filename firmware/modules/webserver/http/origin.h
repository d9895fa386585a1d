/* SPDX-License-Identifier: MIT */
/*
 * Which pages may open a WebSocket (RFC 6455 sections 4.2.2 and 10.2, RFC 6454). A browser names
 * the page's origin in the Origin header, and a script cannot change it: without this check any
 * page that the owner visits could use the owner's device (cross-site WebSocket hijacking). Other
 * clients send no Origin, or any they like; passwords protect against those. Pure.
 */
#ifndef ESPBENCH_WEBSERVER_HTTP_ORIGIN_H
#define ESPBENCH_WEBSERVER_HTTP_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

/* Whether this is a valid entry of a list: "scheme://host" or "scheme://host:port", "null" (pages
 * from files and sandboxes), or "*" (all). */
bool origin_entry_valid(const char *entry);

/* Whether a page of this origin is the device's own (RFC 6454 section 5): it has the scheme of the
 * request ("https" when secure), and the host and port of the request's target or Host (NULL:
 * none). Scheme and host are case-insensitive; a missing port is the scheme's default. Different
 * spellings of an IPv6 address are different hosts: browsers send only one spelling. */
bool origin_is_same(const char *origin, bool secure, const char *host);

/* Whether a page of this origin (NULL: no header, so not a browser) may connect: the device's own,
 * or one on the list (strings ended by NUL, the list by an empty string; NULL: an empty list). */
bool origin_allowed(const char *list, const char *origin, bool secure, const char *host);

#endif
