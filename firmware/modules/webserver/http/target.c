/* SPDX-License-Identifier: MIT */
#include "webserver/http/target.h"

#include <string.h>
#include <strings.h>

#include "webserver/http/authority.h"
#include "webserver/http/message.h"

static http_target_t refuse(unsigned status, const char *what) {
    return (http_target_t){.status = status, .what = what};
}

/* Moves the authority to the front of the target, where its NUL cannot overwrite the path, and
 * returns the path. */
static char *cut_authority(char *target, char *authority) {
    size_t length = strcspn(authority, "/?#");
    memmove(target, authority, length);
    target[length] = 0;
    return authority + length;
}

http_target_t http_target(char *target, bool secure, bool options) {
    if (*target == '/' || (options && strcmp(target, "*") == 0)) {
        return (http_target_t){.path = target};
    }
    if (*target == '*') {
        return refuse(400, "the request's target * is only for OPTIONS");
    }
    size_t scheme = strcspn(target, ":");
    bool http = scheme == 4 && strncasecmp(target, "http", scheme) == 0;
    bool https = scheme == 5 && strncasecmp(target, "https", scheme) == 0;
    if (!(http || https) || strncmp(target + scheme, "://", 3) != 0) {
        return refuse(400, "the request's target is neither a path nor an http or https URI");
    }
    char *path = cut_authority(target, target + scheme + 3);
    authority_t parsed;
    if (!authority_parse(target, &parsed)) {
        return refuse(400, "the request's target has an invalid authority");
    }
    if (https != secure) {
        return refuse(421, "the request's target has the scheme of the other server");
    }
    if (*path != '/') {
        char whole = options && !*path ? '*' : '/';
        *--path = whole;
    }
    return (http_target_t){.path = path, .authority = target};
}

const char *http_host_fault(const char *headers, bool http_1_0) {
    unsigned hosts;
    const char *host = http_header(headers, "host", &hosts);
    if (hosts > 1) {
        return "the request has more than one Host";
    }
    if (hosts == 0) {
        return http_1_0 ? NULL : "the request has no Host";
    }
    authority_t parsed;
    return *host && !authority_parse(host, &parsed) ? "the request's Host is invalid" : NULL;
}
