/* SPDX-License-Identifier: MIT */
/* Ends of the firmware, provoked: what a bug in C does to it. */
#ifndef ESPBENCH_BENCH_PANIC_H
#define ESPBENCH_BENCH_PANIC_H

#include <stdbool.h>

/* A load that no board allows. */
void bench_panic_exception(void);

/* Does what `kind` says: "exception", "abort", "stack" (runs over the end of the caller's stack) or
 * "hang" (never again lets an interrupt or a thread in). False: it says nothing of that. */
bool bench_panic_kind(const char *kind);

#endif
