/* SPDX-License-Identifier: MIT */
/* Host test of the statistics' JSON. */
#include "webserver/stats.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "webserver/net_heap.h"
#include "webserver/queue_figures.h"

uint32_t net_heap_failures(void) { return 7; }

server_queue_figures_t server_queue_figures(void) { return (server_queue_figures_t){1, 2, 3}; }

/* Prints the JSON, which the Python test reads. */
int main(void) {
    char text[2048];
    for (unsigned status = 200; status < 300; status++) {
        server_count_response(status); /* more kinds than there are places: no overflow */
    }
    server_count_response(200);
    server_stats.failures[CAUSE_TLS_ALERT] = 4;
    server_stats.failures[CAUSE_WS_CLOSE_TIMEOUT] = 1;
    server_stats.scheme[1].open = 3;
    size_t n = server_stats_json(text, sizeof text);
    CHECK(n == strlen(text) && n > 0);
    for (size_t size = 0; size <= n; size++) {
        CHECK(server_stats_json(text, size) == 0); /* no truncated JSON, no overflow */
    }
    CHECK(server_stats_json(text, n + 1) == n);
    puts(text);
    return 0;
}
