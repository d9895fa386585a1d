/* SPDX-License-Identifier: MIT */
/* Allocations that are made to fail, counted from the moment that this is asked for. */
#ifndef ESPBENCH_BENCH_FAULTS_H
#define ESPBENCH_BENCH_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t allocations; /* since alloc_faults_arm() */
    uint32_t failed;      /* how many of them were made to fail */
} alloc_faults_t;

/* The nth next allocation fails (1: the very next), and with `always` each one after it too.
 * 0 switches this off; the count starts anew in any case. */
void alloc_faults_arm(uint32_t nth, bool always);

/* Counts an allocation; true when it has to fail. */
bool alloc_faults_hit(void);

alloc_faults_t alloc_faults_seen(void);

#endif
