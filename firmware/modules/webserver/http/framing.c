/* SPDX-License-Identifier: MIT */
#include "webserver/http/framing.h"

#include <string.h>
#include <strings.h>

#include "webserver/http/message.h"

typedef struct {
    unsigned codings, chunked; /* members of the list, and how many of them are chunked */
    bool last_chunked, parameters;
} codings_t;

static void count_coding(codings_t *codings, const char *member, size_t length) {
    static const char chunked[] = "chunked";
    size_t name = strcspn(member, "; \t,");
    codings->codings++;
    codings->last_chunked = name == sizeof chunked - 1 && strncasecmp(member, chunked, name) == 0;
    codings->chunked += codings->last_chunked;
    codings->parameters |= codings->last_chunked && name != length;
}

/* Adds the codings of one field's list (RFC 9110 section 5.6.1). Commas in quoted strings need no
 * care: chunked has no parameters, and any other coding is refused anyway. */
static void count_codings(codings_t *codings, const char *list) {
    while (*list) {
        list += strspn(list, ", \t");
        size_t length = strcspn(list, ",");
        const char *next = list + length;
        while (length && strchr(" \t", list[length - 1])) {
            length--;
        }
        if (length) {
            count_coding(codings, list, length);
        }
        list = next;
    }
}

static http_framing_t refuse(unsigned status, const char *what) {
    return (http_framing_t){.status = status, .what = what};
}

static http_framing_t check_codings(const char *headers) {
    codings_t codings = {0};
    while (*headers) {
        const char *value = headers + strlen(headers) + 1;
        if (strcmp(headers, "transfer-encoding") == 0) {
            count_codings(&codings, value);
        }
        headers = value + strlen(value) + 1;
    }
    if (!codings.last_chunked) {
        return refuse(400, "Transfer-Encoding does not end in chunked");
    }
    if (codings.chunked > 1 || codings.parameters) {
        return refuse(400, "Transfer-Encoding has chunked twice, or with parameters");
    }
    if (codings.codings > 1) {
        return refuse(501, "the request's transfer coding is unknown");
    }
    return (http_framing_t){.chunked = true};
}

static bool is_number(const char *value) {
    size_t digits = strspn(value, "0123456789");
    return digits > 0 && value[digits + strspn(value + digits, " \t")] == 0;
}

http_framing_t http_framing(const char *headers, bool http_1_0) {
    unsigned encodings, lengths;
    http_header(headers, "transfer-encoding", &encodings);
    const char *length = http_header(headers, "content-length", &lengths);
    if (encodings && http_1_0) {
        return refuse(400, "an HTTP/1.0 request has a Transfer-Encoding");
    }
    if (encodings && lengths) {
        return refuse(400, "the request has both a Transfer-Encoding and a Content-Length");
    }
    if (lengths > 1 || (lengths && !is_number(length))) {
        return refuse(400, "the request's Content-Length is not one number");
    }
    return encodings ? check_codings(headers) : (http_framing_t){0};
}

bool http_fold_found(http_fold_t *fold, const uint8_t *data, size_t length) {
    for (size_t i = 0; i < length && !fold->ended; i++) {
        uint8_t c = data[i];
        if (c == '\n') {
            fold->ended = fold->past_start_line && !fold->in_line;
            fold->past_start_line |= fold->in_line;
            fold->in_line = false;
        } else if (c != '\r') {
            if (!fold->in_line && fold->past_start_line && (c == ' ' || c == '\t')) {
                return true;
            }
            fold->in_line = true;
        }
    }
    return false;
}
