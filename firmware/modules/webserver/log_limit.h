/* SPDX-License-Identifier: MIT */
/* How many failures of a server are logged: a UART takes 7 ms for a line of 80 bytes, and the
 * network waits meanwhile. Pure. */
#ifndef ESPBENCH_WEBSERVER_LOG_LIMIT_H
#define ESPBENCH_WEBSERVER_LOG_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_LINES 30 /* in each window */
#define LOG_WINDOW_US 1000000

typedef struct {
    uint64_t until; /* the end of the window; 0: none has begun */
    unsigned lines, omitted;
} log_limit_t;

/* Returns whether a line may be logged now; otherwise it is counted as omitted. */
bool log_limit_allows(log_limit_t *limit, uint64_t now);

/* Returns how many lines were omitted in a window that has ended, and forgets them. */
unsigned log_limit_omitted(log_limit_t *limit, uint64_t now);

#endif
