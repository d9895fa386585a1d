/* SPDX-License-Identifier: MIT */
/* The figures of module bench as JSON, for the control channel. Each writes an object of one line
 * into `out`, which ends in NUL. */
#ifndef ESPBENCH_BENCH_JSON_H
#define ESPBENCH_BENCH_JSON_H

#include <stddef.h>

#include "webserver/net_heap.h"

/* Enough for either. */
#define BENCH_STATS_BYTES 4096

void bench_heap_json(char *out, size_t size);

/* {} in a firmware without servers. */
void bench_stats_json(char *out, size_t size);

#endif
