/* SPDX-License-Identifier: MIT */
#include "webserver/http/origin.h"

#include <string.h>
#include <strings.h>

#include "webserver/http/authority.h"

typedef struct {
    const char *text;
    size_t length;
} piece_t;

typedef struct {
    piece_t scheme, host;
    long port; /* -1: the default port of an unknown scheme */
} origin_t;

static bool same_text(piece_t a, piece_t b) {
    return a.length == b.length && strncasecmp(a.text, b.text, a.length) == 0;
}

static long default_port(piece_t scheme) {
    return same_text(scheme, (piece_t){"http", 4})    ? 80
           : same_text(scheme, (piece_t){"https", 5}) ? 443
                                                      : -1;
}

/* The port stays the scheme's default unless the text has one. */
static bool parse_authority(const char *text, origin_t *origin) {
    authority_t authority;
    if (!authority_parse(text, &authority)) {
        return false;
    }
    origin->host = (piece_t){authority.host, authority.host_length};
    if (authority.port != AUTHORITY_NO_PORT) {
        origin->port = authority.port;
    }
    return true;
}

static bool parse_origin(const char *text, origin_t *origin) {
    const char *host = strstr(text, "://");
    if (!host || host == text || strcspn(text, ":") != (size_t)(host - text)) {
        return false;
    }
    origin->scheme = (piece_t){text, (size_t)(host - text)};
    origin->port = default_port(origin->scheme);
    return parse_authority(host + 3, origin);
}

static bool same_origin(const origin_t *a, const origin_t *b) {
    return a->port == b->port && same_text(a->scheme, b->scheme) && same_text(a->host, b->host);
}

bool origin_entry_valid(const char *entry) {
    origin_t parsed;
    return strcmp(entry, "*") == 0 || strcmp(entry, "null") == 0 || parse_origin(entry, &parsed);
}

bool origin_is_same(const char *origin, bool secure, const char *host) {
    origin_t page, device = {.scheme = {secure ? "https" : "http", secure ? 5 : 4}};
    device.port = default_port(device.scheme);
    return host && parse_origin(origin, &page) && parse_authority(host, &device) &&
           same_origin(&page, &device);
}

/* `page` is NULL for an origin without a host, such as "null". */
static bool is_entry(const char *entry, const char *origin, const origin_t *page) {
    origin_t listed;
    if (strcmp(entry, "*") == 0 || strcmp(entry, origin) == 0) {
        return true;
    }
    return page && parse_origin(entry, &listed) && same_origin(&listed, page);
}

bool origin_allowed(const char *list, const char *origin, bool secure, const char *host) {
    if (!origin || origin_is_same(origin, secure, host)) {
        return true;
    }
    origin_t page;
    bool parsed = parse_origin(origin, &page);
    for (; list && *list; list += strlen(list) + 1) {
        if (is_entry(list, origin, parsed ? &page : NULL)) {
            return true;
        }
    }
    return false;
}
