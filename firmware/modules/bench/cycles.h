/* SPDX-License-Identifier: MIT */
/*
 * What the processor worked. The host reads it out of the machine's memory (the symbol bench_work),
 * because to be asked would be work, too. On a board that cannot tell work from sleep all stays 0.
 *
 * A time awake in which no frame with something in it came is housekeeping: a timer's, a control
 * request's, or a bare acknowledgement's. How many of these there are is the host's affair.
 */
#ifndef ESPBENCH_BENCH_CYCLES_H
#define ESPBENCH_BENCH_CYCLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The host knows this layout: harness/espbench/perf/instruction_counter.py. */
typedef struct {
    uint32_t frequency;    /* of the cycles below, in Hz */
    uint32_t asleep;       /* 1 while the processor sleeps: only then the rest is up to date */
    uint64_t cycles;       /* since the start, without sleep and housekeeping */
    uint64_t housekeeping; /* since the start */
    uint64_t at_event;     /* both, when the last event went over the control channel */
    uint64_t frames;       /* taken from the NIC: the host knows how many it sent */
} bench_work_t;

extern volatile bench_work_t bench_work;

/* The board starts, and works. */
void bench_work_start(uint32_t frequency);

/* Right before and right after the processor sleeps. */
void bench_work_sleep(void);
void bench_work_wake(void);

/* An event goes over the control channel now. */
void bench_work_event(void);

/* An Ethernet frame was taken from the NIC. */
void bench_work_frame(const uint8_t *frame, size_t length);

/* Has this Ethernet frame something in it? Not ARP, and not a TCP segment without data, SYN, FIN
 * and RST. */
bool bench_frame_has_content(const uint8_t *frame, size_t length);

/* A board's that calls bench_work_start(): cycles since the last call, or since the processor woke
 * after it. */
uint32_t bench_work_cycles(void) __attribute__((weak));

#endif
