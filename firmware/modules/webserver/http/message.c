/* SPDX-License-Identifier: MIT */
#include "webserver/http/message.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    uint16_t status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *http_reason(unsigned status) {
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Status";
}

const char *http_header(const char *headers, const char *name, unsigned *count) {
    const char *found = NULL;
    unsigned n = 0;
    while (*headers) {
        const char *value = headers + strlen(headers) + 1;
        if (strcmp(headers, name) == 0 && n++ == 0) {
            found = value;
        }
        headers = value + strlen(value) + 1;
    }
    if (count) {
        *count = n;
    }
    return found;
}

bool http_has_token(const char *list, const char *token) {
    size_t n = strlen(token);
    while (list && *list) {
        list += strspn(list, ", \t");
        size_t k = strcspn(list, ", \t");
        if (k == n && strncasecmp(list, token, n) == 0) {
            return true;
        }
        list += k;
    }
    return false;
}

bool http_lists_token(const char *headers, const char *name, const char *token) {
    while (*headers) {
        const char *value = headers + strlen(headers) + 1;
        if (strcmp(headers, name) == 0 && http_has_token(value, token)) {
            return true;
        }
        headers = value + strlen(value) + 1;
    }
    return false;
}

static bool is_token_character(char c) {
    char lower = (char)(c | 0x20);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

bool http_is_token(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (!is_token_character(text[i])) {
            return false;
        }
    }
    return length > 0;
}

bool http_is_field_value(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if ((c < ' ' && c != '\t') || c == 127) {
            return false;
        }
    }
    return true;
}

static bool is_name(const char *text, size_t length, const char *name) {
    return length == strlen(name) && strncasecmp(text, name, length) == 0;
}

bool http_is_framing_field(const char *name, size_t length) {
    return is_name(name, length, "content-length") || is_name(name, length, "connection") ||
           is_name(name, length, "transfer-encoding");
}

bool http_status_has_body(unsigned status) {
    return status >= 200 && status != 204 && status != 304;
}

void http_date(uint32_t seconds, char out[HTTP_DATE_SIZE]) {
    static const char days[] = "ThuFriSatSunMonTueWed"; /* from 1970-01-01 on */
    static const char months[] = "MarAprMayJunJulAugSepOctNovDecJanFeb";
    uint32_t day = seconds / 86400, second = seconds % 86400;
    /* Years begin in March, so that a leap day is the last one, and eras of 400 years have a year
     * 0 in which nothing is left out (Howard Hinnant, "chrono-compatible low-level date
     * algorithms"). */
    uint32_t shifted = day + 719468, era = shifted / 146097, of_era = shifted % 146097;
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint32_t month = (5 * of_year + 2) / 153;
    uint32_t of_month = of_year - (153 * month + 2) / 5 + 1;
    year += era * 400 + (month >= 10);
    snprintf(out, HTTP_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + day % 7 * 3,
             (unsigned)(of_month % 100), months + month * 3, (unsigned)(year % 10000),
             (unsigned)(second / 3600), (unsigned)(second / 60 % 60), (unsigned)(second % 60));
}

/* Whether lines of a response have a field of this name. */
static bool has_field(const char *lines, const char *name) {
    for (const char *line = lines; line && *line; line = strchr(line, '\n') + 1) {
        if (is_name(line, strcspn(line, ":"), name)) {
            return true;
        }
    }
    return false;
}

size_t http_format_head(const http_head_t *head, char *out, size_t size) {
    char length[40] = "";
    if (!http_status_has_body(head->status)) {
        /* neither field */
    } else if (head->delimited == BODY_CHUNKED) {
        strcpy(length, "Transfer-Encoding: chunked\r\n");
    } else if (head->delimited == BODY_OF_LENGTH) {
        snprintf(length, sizeof length, "Content-Length: %lu\r\n", (unsigned long)head->length);
    }
    const char *connection = "";
    if (!head->keep_alive) {
        connection = "Connection: close\r\n";
    } else if (head->http_1_0) {
        connection = "Connection: keep-alive\r\n";
    }
    char date[HTTP_DATE_SIZE] = "";
    if (head->date && !has_field(head->extra_headers, "date")) {
        http_date(head->date, date);
    }
    int n = snprintf(out, size, "HTTP/1.1 %u %s\r\n%s%s%s%s%s%s%s%s%s\r\n", head->status,
                     http_reason(head->status), *date ? "Date: " : "", date, *date ? "\r\n" : "",
                     head->content_type ? "Content-Type: " : "",
                     head->content_type ? head->content_type : "", head->content_type ? "\r\n" : "",
                     length, connection, head->extra_headers ? head->extra_headers : "");
    return n < 0 ? 0 : (size_t)n;
}
