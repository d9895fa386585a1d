/* SPDX-License-Identifier: MIT */
/* Crashes on request, as a bug in C would cause them. */
#ifndef ESPBENCH_BENCH_PANIC_H
#define ESPBENCH_BENCH_PANIC_H

#include <stdbool.h>

/* Loads from an address that no board maps. */
void bench_panic_exception(void);

/* Crashes by `kind`: "exception", "abort", "stack" (overflows the caller's stack) or "hang" (loops
 * with interrupts off). False: unknown kind. */
bool bench_panic_kind(const char *kind);

#endif
