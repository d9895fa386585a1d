/* SPDX-License-Identifier: MIT */
/*
 * The text of HTTP/1.1 messages: header lists, tokens, response heads.
 * Pure: no lwIP, no MicroPython.
 */
#ifndef ESPBENCH_WEBSERVER_HTTP_MESSAGE_H
#define ESPBENCH_WEBSERVER_HTTP_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The reason phrase of a status code (RFC 9110 section 15); "Status" for an unknown one. */
const char *http_reason(unsigned status);

/* The first value of a header in a list of "name NUL value NUL ... NUL"; NULL when absent. *count,
 * unless NULL, gets the number of occurrences. The name must be in lower case. */
const char *http_header(const char *headers, const char *name, unsigned *count);

/* Whether a comma-separated list contains a token, ignoring case (RFC 9110 section 5.6.1). */
bool http_has_token(const char *list, const char *token);

/* Whether any of the headers of this name, each a comma-separated list, contains a token: a list
 * may be sent in several lines (RFC 9110 section 5.3). */
bool http_lists_token(const char *headers, const char *name, const char *token);

/* Whether it is a token, as the name of a field has to be (RFC 9110 section 5.6.2). */
bool http_is_token(const char *text, size_t length);

/* Whether it may be the value of a field (RFC 9110 section 5.5): no control character but HTAB. */
bool http_is_field_value(const char *text, size_t length);

/* Whether a response's field of this name is the server's own: it says how the response is framed,
 * and whether the connection stays open. */
bool http_is_framing_field(const char *name, size_t length);

/* How a body is delimited (RFC 9112 section 6.3). */
typedef enum { BODY_OF_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE } http_body_t;

#define HTTP_DATE_SIZE 30 /* "Sun, 06 Nov 1994 08:49:37 GMT" and its NUL */

/* Writes a time as an IMF-fixdate (RFC 9110 section 5.6.7). */
void http_date(uint32_t seconds_since_1970, char out[HTTP_DATE_SIZE]);

typedef struct {
    unsigned status;
    uint32_t date; /* seconds since 1970; 0: no clock, so no Date (RFC 9110 section 6.6.1) */
    const char *content_type;  /* or NULL */
    const char *extra_headers; /* lines that end in CRLF, or NULL */
    size_t length;             /* of the body, for HEAD of the body that GET would have sent */
    http_body_t delimited;
    bool keep_alive;
    bool http_1_0;
} http_head_t;

/* Whether a response with this status has a body (RFC 9110 section 6.4.1). */
bool http_status_has_body(unsigned status);

/* Formats a response head into `out`, truncated to `size` with its NUL. Returns the length of the
 * whole head: the result is complete if that is less than `size`. */
size_t http_format_head(const http_head_t *head, char *out, size_t size);

#endif
