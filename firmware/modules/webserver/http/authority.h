/* SPDX-License-Identifier: MIT */
/* An authority (RFC 3986 section 3.2) as in Host, Origin and absolute-form targets: without user
 * information, which RFC 9110 section 4.2.4 forbids there. Pure. */
#ifndef ESPBENCH_WEBSERVER_HTTP_AUTHORITY_H
#define ESPBENCH_WEBSERVER_HTTP_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>

#define AUTHORITY_NO_PORT (-1)

typedef struct {
    const char *host; /* in the text that was parsed; an IPv6 address with its brackets */
    size_t host_length;
    long port; /* AUTHORITY_NO_PORT: the scheme's default */
} authority_t;

/* Parses "host", "host:port", "[IPv6]" or "[IPv6]:port"; false for anything else, for an empty
 * host and for a port above 65535. An IPv6 address has no zone (RFC 9110 has none). */
bool authority_parse(const char *text, authority_t *authority);

#endif
