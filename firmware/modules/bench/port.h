/* SPDX-License-Identifier: MIT */
/* Functions that module bench needs from the port. */
#ifndef ESPBENCH_BENCH_PORT_H
#define ESPBENCH_BENCH_PORT_H

#include <stddef.h>

typedef struct {
    size_t size;
    size_t free;
} bench_gc_figures_t;

/* Figures of MicroPython's heap; zeros while there is none. */
bench_gc_figures_t bench_gc_figures(void);

/* Bytes of the network task's stack never used so far. */
size_t bench_net_stack_low_water(void);

/* Bytes of MicroPython's stack never used so far. */
size_t bench_main_stack_low_water(void);

/* The lowest address of the caller's stack. */
const char *bench_stack_end(void);

/* Ends in a panic, as abort() does under ESP-IDF. */
void bench_abort(void);

/* Loops forever with interrupts off. */
void bench_hang(void);

#endif
