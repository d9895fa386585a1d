/* SPDX-License-Identifier: MIT */
/* Host test of the limit of lines in the log. */
#include "webserver/log_limit.h"

#include "check.h"

#define START 5000000

static unsigned logged(log_limit_t *limit, uint64_t now, unsigned times) {
    unsigned lines = 0;
    while (times-- > 0) {
        lines += log_limit_allows(limit, now);
    }
    return lines;
}

int main(void) {
    log_limit_t limit = {0};
    CHECK(log_limit_omitted(&limit, START) == 0);
    CHECK(logged(&limit, START, LOG_LINES) == LOG_LINES);
    CHECK(logged(&limit, START + 1, 7) == 0);
    CHECK(log_limit_omitted(&limit, START + LOG_WINDOW_US - 1) == 0); /* more may come */
    CHECK(log_limit_omitted(&limit, START + LOG_WINDOW_US) == 7);
    CHECK(log_limit_omitted(&limit, START + LOG_WINDOW_US) == 0);
    CHECK(logged(&limit, START + LOG_WINDOW_US, LOG_LINES + 3) == LOG_LINES);
    /* Nobody asked meanwhile: the next window does not forget them. */
    CHECK(logged(&limit, START + 2 * LOG_WINDOW_US, LOG_LINES + 2) == LOG_LINES);
    CHECK(log_limit_omitted(&limit, START + 3 * LOG_WINDOW_US) == 5);
    return 0;
}
