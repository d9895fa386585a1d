/* SPDX-License-Identifier: MIT */
#include "webserver/log_limit.h"

bool log_limit_allows(log_limit_t *limit, uint64_t now) {
    if (now >= limit->until) {
        limit->until = now + LOG_WINDOW_US;
        limit->lines = 0;
    }
    if (limit->lines < LOG_LINES) {
        limit->lines++;
        return true;
    }
    limit->omitted++;
    return false;
}

unsigned log_limit_omitted(log_limit_t *limit, uint64_t now) {
    if (now < limit->until) {
        return 0;
    }
    unsigned omitted = limit->omitted;
    limit->omitted = 0;
    return omitted;
}
