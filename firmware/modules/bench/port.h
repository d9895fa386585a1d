/* SPDX-License-Identifier: MIT */
/* What module bench asks of the board. */
#ifndef ESPBENCH_BENCH_PORT_H
#define ESPBENCH_BENCH_PORT_H

#include <stddef.h>

typedef struct {
    size_t size;
    size_t free;
} bench_gc_figures_t;

/* MicroPython's heap; zeros while it has none. */
bench_gc_figures_t bench_gc_figures(void);

/* Bytes of the network task's stack that were never used. */
size_t bench_net_stack_low_water(void);

/* Bytes of MicroPython's stack that were never used. */
size_t bench_main_stack_low_water(void);

/* Where the caller's stack ends: its lowest address. */
const char *bench_stack_end(void);

/* What abort() does under ESP-IDF. */
void bench_abort(void);

/* Loops for ever with interrupts off. */
void bench_hang(void);

#endif
