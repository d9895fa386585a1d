/* SPDX-License-Identifier: MIT */
#include "webserver/tls/pem_scan.h"

#include <string.h>

static bool starts(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static const char begin_word[] = "-----BEGIN ";

/* OpenSSL's own label has the same certificate, and then what it is trusted for. */
static bool is_certificate(const char *label) {
    return starts(label, "CERTIFICATE-----") || starts(label, "TRUSTED CERTIFICATE-----") ||
           starts(label, "X509 CERTIFICATE-----");
}

static bool is_private_key(const char *label) {
    const char *line_end = label + strcspn(label, "\r\n");
    const char *at = strstr(label, "PRIVATE KEY-----");
    return at && at < line_end;
}

static const char *next(const char *text, bool is_wanted(const char *label)) {
    while ((text = strstr(text, begin_word)) && !is_wanted(text + sizeof begin_word - 1)) {
        text++;
    }
    return text;
}

const char *pem_next_certificate(const char *text) { return next(text, is_certificate); }

const char *pem_private_key(const char *text) { return next(text, is_private_key); }

pem_scan_t pem_scan(const char *text) {
    pem_scan_t scan = {0};
    while ((text = strstr(text, begin_word))) {
        text += sizeof begin_word - 1;
        scan.pem = true;
        scan.certificates += is_certificate(text);
        scan.request |= starts(text, "CERTIFICATE REQUEST-----") ||
                        starts(text, "NEW CERTIFICATE REQUEST-----");
        scan.pkcs7 |= starts(text, "PKCS7-----");
        if (is_private_key(text)) {
            scan.private_keys++;
            scan.openssh |= starts(text, "OPENSSH ");
            const char *end = strstr(text, "-----END");
            const char *proc = strstr(text, "Proc-Type: 4,ENCRYPTED");
            scan.encrypted |= starts(text, "ENCRYPTED ") || (proc && (!end || proc < end));
        }
    }
    return scan;
}

bool pem_lines(const char *text, char begin[PEM_LINE_MAX], char end[PEM_LINE_MAX]) {
    const char *label = text + sizeof begin_word - 1, *dashes = strstr(label, "-----");
    size_t length = dashes ? (size_t)(dashes - label) + 5 : PEM_LINE_MAX;
    if (sizeof begin_word + length > PEM_LINE_MAX) {
        return false;
    }
    static const char end_word[] = "-----END ";
    memcpy(begin, begin_word, sizeof begin_word - 1);
    memcpy(end, end_word, sizeof end_word - 1);
    memcpy(begin + sizeof begin_word - 1, label, length);
    memcpy(end + sizeof end_word - 1, label, length);
    begin[sizeof begin_word - 1 + length] = end[sizeof end_word - 1 + length] = 0;
    return true;
}

/* How many characters of `text` are a line end; 0: none. */
static size_t line_end(const char *text) {
    if (starts(text, "\r\n") || starts(text, "\\n") || starts(text, "\\r")) {
        return 2;
    }
    return *text == '\r' || *text == '\n';
}

size_t pem_normalize(char *text) {
    char *to = text;
    bool at_start = true;
    for (const char *from = text; *from;) {
        size_t length = line_end(from);
        if (length > 0) {
            *to++ = '\n';
            from += length;
        } else if (!at_start || (*from != ' ' && *from != '\t')) {
            *to++ = *from++;
        } else {
            from++;
        }
        at_start = to == text || to[-1] == '\n';
    }
    *to = 0;
    return (size_t)(to - text);
}
