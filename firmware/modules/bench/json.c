/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <stdio.h>

#include "ballast.h"
#include "port.h"

void server_stats_json(char *out, size_t size) __attribute__((weak));

void bench_heap_json(char *out, size_t size) {
    net_heap_check();
    net_heap_figures_t net = net_heap_figures();
    bench_gc_figures_t gc = bench_gc_figures();
    snprintf(out, size,
             "{\"size\":%u,\"free\":%u,\"low_water\":%u,\"largest\":%u,\"blocks\":%u,"
             "\"ballast\":%u,\"gc_size\":%u,\"gc_free\":%u,\"net_stack_low_water\":%u,"
             "\"main_stack_low_water\":%u}",
             (unsigned)net.size, (unsigned)net.free, (unsigned)net.low_water, (unsigned)net.largest,
             (unsigned)net.blocks, (unsigned)ballast_held(), (unsigned)gc.size, (unsigned)gc.free,
             (unsigned)bench_net_stack_low_water(), (unsigned)bench_main_stack_low_water());
}

void bench_stats_json(char *out, size_t size) {
    if (server_stats_json != NULL) {
        server_stats_json(out, size);
    } else {
        snprintf(out, size, "{}");
    }
}
