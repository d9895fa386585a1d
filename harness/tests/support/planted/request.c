/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <string.h>
#include <strings.h>

#include "faults.h"

#define TARGET_MAX 1024
#define LENGTH_DIGITS 9 /* fit in 32 bits; more are too large for any body that we take */

typedef struct {
    unsigned hosts, lengths, keys, versions;
    bool valid_host, transfer, last_is_chunked, other_coding, too_long;
    unsigned chunked;
    bool close, keep_alive, connection_upgrade, upgrade_websocket;
    bool unknown_expectation;
} fields_t;

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_hex(char c) { return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f'); }

static bool is_alpha(char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; }

/* RFC 9110 section 5.6.2 */
static bool is_token_char(char c) {
    return is_digit(c) || is_alpha(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(const char *text) {
    const char *at = text;
    while (is_token_char(*at)) {
        at++;
    }
    return at > text && *at == '\0';
}

/* Ends the text at the separator; returns what follows it, or NULL. */
static char *cut(char *text, char separator) {
    char *at = strchr(text, separator);
    if (at == NULL) {
        return NULL;
    }
    *at = '\0';
    return at + 1;
}

static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t size = strlen(text);
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '\t')) {
        text[--size] = '\0';
    }
    return text;
}

/* uri-host [ ":" port ] of RFC 9110 section 7.2 */
static bool is_authority(const char *text) {
    const char *at = text;
    if (*at == '[') {
        size_t inside = strspn(++at, "0123456789abcdefABCDEF:.");
        if (inside == 0 || at[inside] != ']') {
            return false;
        }
        at += inside + 1;
    } else {
        while (is_digit(*at) || is_alpha(*at) ||
               (*at != '\0' && strchr("-._~!$&'()*+,;=%", *at) != NULL)) {
            at++;
        }
    }
    if (*at == ':') {
        at += 1 + strspn(at + 1, "0123456789");
    }
    return *at == '\0' && at > text && *text != ':';
}

/* RFC 3986: what a path and a query may contain */
static bool is_path(const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '%' ? !(is_hex(text[1]) && is_hex(text[2]))
                         : !is_digit(*text) && !is_alpha(*text) &&
                               strchr("-._~!$&'()*+,;=:@/?", *text) == NULL) {
            return false;
        }
    }
    return true;
}

static int parse_method(const char *name, request_t *request) {
    static const struct {
        const char *name;
        method_t method;
    } methods[] = {
        {"GET", GET},
        {"HEAD", HEAD_METHOD},
        {"POST", POST},
        {"OPTIONS", OPTIONS},
        {"PUT", OTHER_METHOD},
        {"DELETE", OTHER_METHOD},
        {"PATCH", OTHER_METHOD},
        {"TRACE", OTHER_METHOD},
    };
    if (!is_token(name)) {
        return 400;
    }
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        if (strcmp(name, methods[i].name) == 0) {
            request->method = methods[i].method;
            return 0;
        }
    }
    request->method = GET;
    return FAULT(ANY_METHOD) ? 0 : 501;
}

static int parse_version(const char *version, request_t *request) {
    if (strncmp(version, "HTTP/", 5) != 0 || !is_digit(version[5]) || version[6] != '.' ||
        !is_digit(version[7]) || version[8] != '\0') {
        return 400;
    }
    request->http11 = version[7] != '0';
    return version[5] == '1' ? 0 : 505;
}

/* Copies a target into a buffer that is too small for some. */
static void __attribute__((noinline)) copy_target(const char *target) {
    char copy[64];
    strcpy(copy, target);
    __asm__ volatile("" ::"r"(copy) : "memory");
}

/* Reduces the absolute form to a path. */
static int parse_target(char *target, request_t *request) {
    if (FAULT(LONG_TARGET_PANICS)) {
        copy_target(target);
    }
    if (strlen(target) > TARGET_MAX) {
        return 414;
    }
    bool absolute =
        strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0;
    if (absolute && !FAULT(ABSOLUTE_FORM)) {
        char *host = strstr(target, "//") + 2;
        size_t size = strcspn(host, "/?");
        char after = host[size];
        host[size] = '\0';
        if (!is_authority(host)) {
            return 400;
        }
        host[size] = after;
        target = host + size;
        if (after != '/') {
            *--target = '/'; /* over the host, which is not needed any more */
        }
    }
    request->path = target;
    if (absolute && FAULT(ABSOLUTE_FORM)) {
        return 0;
    }
    if (strcmp(target, "*") == 0) {
        return request->method == OPTIONS ? 0 : 400;
    }
    if (target[0] != '/' || !is_path(target)) {
        return 400;
    }
    cut(target, '?');
    return 0;
}

static int parse_request_line(char *line, request_t *request) {
    char *target = cut(line, ' ');
    char *version = target != NULL ? cut(target, ' ') : NULL;
    if (version == NULL) {
        return 400;
    }
    int status = parse_version(version, request);
    if (status == 0) {
        status = parse_method(line, request);
    }
    return status != 0 ? status : parse_target(target, request);
}

static bool list_has(const char *list, const char *token) {
    size_t size = strlen(token);
    while (*list != '\0') {
        list += strspn(list, ", \t");
        size_t element = strcspn(list, ", \t");
        if (element == size && strncasecmp(list, token, size) == 0) {
            return true;
        }
        list += element;
    }
    return false;
}

static void take_codings(char *value, fields_t *fields) {
    fields->transfer = true;
    for (char *next; value != NULL; value = next) {
        next = cut(value, ',');
        value = trim(value);
        if (*value == '\0') {
            continue;
        }
        fields->last_is_chunked = strcasecmp(value, "chunked") == 0;
        fields->chunked += fields->last_is_chunked;
        fields->other_coding |= !fields->last_is_chunked;
    }
}

static int take_length(const char *value, request_t *request, fields_t *fields) {
    fields->lengths++;
    size_t digits = strspn(value, "0123456789");
    if (digits == 0 || value[digits] != '\0') {
        return 400;
    }
    value += strspn(value, "0");
    fields->too_long = strlen(value) > LENGTH_DIGITS;
    request->length = 0;
    for (; *value != '\0'; value++) {
        request->length = request->length * 10 + (*value - '0');
    }
    if (fields->too_long) {
        request->length = UINT32_MAX;
    }
    request->has_length = true;
    return 0;
}

static int take_field(const char *name, char *value, request_t *request, fields_t *fields) {
    if (strcasecmp(name, "Host") == 0) {
        fields->hosts++;
        fields->valid_host = is_authority(value);
    } else if (strcasecmp(name, "Content-Length") == 0) {
        return take_length(value, request, fields);
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        take_codings(value, fields);
    } else if (strcasecmp(name, "Connection") == 0) {
        fields->close |= list_has(value, "close");
        fields->keep_alive |= list_has(value, "keep-alive");
        fields->connection_upgrade |= FAULT(ONE_CONNECTION_TOKEN)
                                          ? strcasecmp(value, "Upgrade") == 0
                                          : list_has(value, "Upgrade");
    } else if (strcasecmp(name, "Upgrade") == 0) {
        fields->upgrade_websocket |= list_has(value, "websocket");
    } else if (strcasecmp(name, "Expect") == 0) {
        request->expects_continue |= list_has(value, "100-continue");
        fields->unknown_expectation |= strcasecmp(value, "100-continue") != 0;
    } else if (strcasecmp(name, "Sec-WebSocket-Key") == 0) {
        request->key = fields->keys++ == 0 ? value : NULL;
    } else if (strcasecmp(name, "Sec-WebSocket-Version") == 0) {
        request->websocket_version =
            (fields->versions++ == 0 && strcmp(value, "13") == 0) || FAULT(ANY_VERSION);
    }
    return 0;
}

static int parse_field(char *line, request_t *request, fields_t *fields) {
    if (*line == ' ' || *line == '\t') { /* RFC 9112 section 5.2 */
        if (!FAULT(OBS_FOLD)) {
            return 400;
        }
        line = trim(line);
    }
    char *value = cut(line, ':');
    if (value == NULL) {
        return 400;
    }
    char *name = FAULT(BLANK_BEFORE_COLON) ? trim(line) : line;
    return is_token(name) ? take_field(name, trim(value), request, fields) : 400;
}

/* RFC 9112 section 6.3 */
static int check_framing(request_t *request, const fields_t *fields) {
    if (fields->lengths > 1) {
        return 400;
    }
    if (!fields->transfer || (FAULT(SMUGGLING) && fields->lengths > 0)) {
        return 0;
    }
    if (fields->lengths > 0 || !request->http11 || !fields->last_is_chunked ||
        fields->chunked > 1) {
        return 400;
    }
    request->chunked = true;
    return fields->other_coding ? 501 : 0;
}

static int check(request_t *request, const fields_t *fields) {
    bool host = fields->hosts == 1 ? fields->valid_host : fields->hosts == 0 && !request->http11;
    if (!host && !(FAULT(NO_HOST) && fields->hosts == 0)) {
        return 400;
    }
    int status = check_framing(request, fields);
    if (status != 0) {
        return status;
    }
    request->keep_alive = !fields->close && (request->http11 || fields->keep_alive);
    request->upgrade = request->http11 && fields->upgrade_websocket && fields->connection_upgrade;
    request->expects_continue &= request->http11;
    return fields->unknown_expectation && request->http11 ? 417 : 0;
}

int request_parse(char *head, request_t *request) {
    *request = (request_t){0};
    fields_t fields = {0};
    int refused = 0;
    for (char *line = head, *next; *line != '\r'; line = next) {
        next = strstr(line, "\r\n");
        *next = '\0';
        next += 2;
        int status =
            line == head ? parse_request_line(line, request) : parse_field(line, request, &fields);
        if (status == 400 || (status != 0 && line == head)) {
            return status;
        }
        refused = refused != 0 ? refused : status;
    }
    return refused != 0 ? refused : check(request, &fields);
}
