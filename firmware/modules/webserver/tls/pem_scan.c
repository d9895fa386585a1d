/* SPDX-License-Identifier: MIT */
#include "webserver/tls/pem_scan.h"

#include <string.h>

static bool starts(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

static const char begin[] = "-----BEGIN ";

static bool is_certificate(const char *label) { return starts(label, "CERTIFICATE-----"); }

const char *pem_next_certificate(const char *text) {
    while ((text = strstr(text, begin)) && !is_certificate(text + sizeof begin - 1)) {
        text++;
    }
    return text;
}

pem_scan_t pem_scan(const char *text) {
    pem_scan_t scan = {0};
    while ((text = strstr(text, begin))) {
        text += sizeof begin - 1;
        scan.pem = true;
        const char *line_end = text + strcspn(text, "\r\n");
        if (is_certificate(text)) {
            scan.certificates++;
        }
        static const char key[] = "PRIVATE KEY-----";
        const char *at = strstr(text, key);
        if (at && at < line_end) {
            scan.private_keys++;
            if (starts(text, "ENCRYPTED ")) {
                scan.encrypted = true;
            }
            const char *end = strstr(line_end, "-----END");
            const char *proc = strstr(line_end, "Proc-Type: 4,ENCRYPTED");
            if (proc && (!end || proc < end)) {
                scan.encrypted = true;
            }
        }
    }
    return scan;
}
