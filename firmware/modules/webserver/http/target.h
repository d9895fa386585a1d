/* SPDX-License-Identifier: MIT */
/* A request's target URI (RFC 9112 sections 3.2 and 3.3): its target and its Host. Pure. */
#ifndef ESPBENCH_WEBSERVER_HTTP_TARGET_H
#define ESPBENCH_WEBSERVER_HTTP_TARGET_H

#include <stdbool.h>

typedef struct {
    unsigned status;       /* not 0: refuse the request with this */
    const char *what;      /* why, with status */
    const char *path;      /* path and query: the target in origin-form; "*" in asterisk-form */
    const char *authority; /* NULL, or that of an absolute-form: it replaces Host */
} http_target_t;

/* Splits a target of any method but CONNECT; may change the text. A request for the other server's
 * scheme gets a 421: an https URI must not be served in plain text (RFC 9110 section 7.4). The
 * absolute-form without a path means "/", or "*" for OPTIONS (RFC 9112 section 3.2.4). */
http_target_t http_target(char *target, bool secure, bool options);

/* Returns why the request's Host is a 400 (RFC 9112 section 3.2), or NULL if it is valid. It may be
 * empty: then the client knows no authority. For the headers, see http_header(). */
const char *http_host_fault(const char *headers, bool http_1_0);

#endif
