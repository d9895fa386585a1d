/* SPDX-License-Identifier: MIT */
#include "webserver/http/authority.h"

#include <string.h>

#define PORT_MAX 65535
#define DIGITS "0123456789"
#define HEX_DIGITS DIGITS "abcdefABCDEF"

/* Comparisons: strspn() with this many characters would take most of a request's parsing. */
static bool is_name_character(char c) {
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~" /* unreserved */ "!$&'()*+,;=" /* sub-delims */, c));
}

/* The length of the reg-name that the text begins with (RFC 3986 section 3.2.2). */
static size_t name_length(const char *text) {
    size_t length = 0;
    for (;;) {
        if (is_name_character(text[length])) {
            length++;
        } else if (text[length] == '%' && strspn(text + length + 1, HEX_DIGITS) >= 2) {
            length += 3;
        } else {
            return length;
        }
    }
}

/* Whether the text begins with a dotted-decimal IPv4 address that ends at `end`. */
static bool is_ipv4(const char *text, const char *end) {
    for (int octet = 0; octet < 4; octet++) {
        size_t digits = strspn(text, DIGITS);
        bool leading_zero = digits > 1 && *text == '0';
        unsigned number = 0;
        for (size_t i = 0; i < digits && i < 4; i++) {
            number = number * 10 + (unsigned)(text[i] - '0');
        }
        text += digits;
        if (digits == 0 || leading_zero || number > 255 || *text != (octet < 3 ? '.' : *end)) {
            return false;
        }
        text += octet < 3;
    }
    return text == end;
}

/* Whether the text up to `end` is an IPv6address (RFC 3986 section 3.2.2). */
static bool is_ipv6(const char *text, const char *end) {
    bool compressed = text[0] == ':' && text[1] == ':';
    unsigned groups = 0;
    text += compressed ? 2 : 0;
    while (text < end) {
        size_t digits = strspn(text, HEX_DIGITS);
        if (text[digits] == '.') {
            groups += 2;
            return is_ipv4(text, end) && (compressed ? groups <= 7 : groups == 8);
        }
        if (digits == 0 || digits > 4) {
            return false;
        }
        text += digits;
        groups++;
        if (text == end) {
            break;
        }
        if (*text++ != ':' || text == end) {
            return false;
        }
        if (*text == ':') {
            if (compressed) {
                return false;
            }
            compressed = true;
            text++;
        }
    }
    return compressed ? groups <= 7 : groups == 8;
}

/* The length of the IP-literal that the text begins with; 0: invalid. */
static size_t literal_length(const char *text) {
    const char *end = strchr(text, ']');
    return end && is_ipv6(text + 1, end) ? (size_t)(end + 1 - text) : 0;
}

/* Digits up to the end of the text; none mean the scheme's default (RFC 3986 section 3.2.3). */
static bool parse_port(const char *text, long *port) {
    *port = *text ? 0 : AUTHORITY_NO_PORT;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || (*port = *port * 10 + (*text - '0')) > PORT_MAX) {
            return false;
        }
    }
    return true;
}

bool authority_parse(const char *text, authority_t *authority) {
    authority->host = text;
    authority->host_length = *text == '[' ? literal_length(text) : name_length(text);
    const char *end = text + authority->host_length;
    return end > text && (*end == ':' || *end == 0) &&
           parse_port(*end ? end + 1 : end, &authority->port);
}
