/* SPDX-License-Identifier: MIT */
/*
 * Message framing: how a request's body ends (RFC 9112 section 6). Decided from the stored header
 * fields, independent of the parser: http-parser 2.9.4 mistakes some codings for `chunked`
 * (CVE-2020-8287). Pure: no lwIP, no MicroPython, no http-parser.
 */
#ifndef ESPBENCH_WEBSERVER_HTTP_FRAMING_H
#define ESPBENCH_WEBSERVER_HTTP_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    unsigned status;  /* 0: the framing is valid; else the status to refuse the request with */
    const char *what; /* with a status: one sentence for the log */
    bool chunked;     /* the body is chunked; else Content-Length applies, or there is no body */
} http_framing_t;

/* Checks Transfer-Encoding and Content-Length in a list of headers (see http_header()):
 *  - Transfer-Encoding must be `chunked` alone. 400 where chunked is not the final coding (section
 *    6.3, item 4), is repeated or has parameters (7.1); 501 where another coding comes before
 *    it (6.1).
 *  - 400 for a Transfer-Encoding in HTTP/1.0, which is faulty framing (6.1), or beside a
 *    Content-Length, which may be request smuggling (6.3, item 3).
 *  - 400 for more than one Content-Length, or one that is not all digits (6.3, item 5). */
http_framing_t http_framing(const char *headers, bool http_1_0);

/* State of the search for obs-fold (section 5.2), and for whitespace before the first field (2.2),
 * in a head as it arrives. Initially {0}. */
typedef struct {
    bool in_line, past_start_line, ended;
} http_fold_t;

/* Whether a line of the head begins with whitespace. Ignores anything after the head. */
bool http_fold_found(http_fold_t *fold, const uint8_t *data, size_t length);

#endif
