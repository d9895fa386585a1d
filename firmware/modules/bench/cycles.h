/* SPDX-License-Identifier: MIT */
/*
 * Counts the cycles that the processor works. The host reads them from the machine's memory (the
 * symbol bench_work), because answering a request would be work, too. On a board that cannot tell
 * work from sleep, everything stays 0.
 *
 * A period awake without a frame that has content is housekeeping: a timer, a control request or a
 * bare acknowledgement. How many of these occur depends on the host.
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
    uint64_t at_event;     /* sum of both when the last control event was sent */
    uint64_t frames;       /* taken from the NIC; the host knows how many it sent */
} bench_work_t;

extern volatile bench_work_t bench_work;

/* At the board's start, which counts as work. */
void bench_work_start(uint32_t frequency);

/* Right before and right after the processor sleeps. */
void bench_work_sleep(void);
void bench_work_wake(void);

/* Called when an event is sent on the control channel. */
void bench_work_event(void);

/* Called for each Ethernet frame taken from the NIC. */
void bench_work_frame(const uint8_t *frame, size_t length);

/* Whether this Ethernet frame has content: it is neither ARP nor a TCP segment without data, SYN,
 * FIN and RST. */
bool bench_frame_has_content(const uint8_t *frame, size_t length);

/* Provided by a board that calls bench_work_start(): cycles since the last call, or since the
 * processor last woke if that was later. */
uint32_t bench_work_cycles(void) __attribute__((weak));

#endif
