/* SPDX-License-Identifier: MIT */
/* Fault injection: makes allocations fail, counted from alloc_faults_arm(). */
#ifndef ESPBENCH_BENCH_FAULTS_H
#define ESPBENCH_BENCH_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint32_t allocations; /* since alloc_faults_arm() */
    uint32_t failed;      /* how many of them were made to fail */
} alloc_faults_t;

/* Makes the nth next allocation fail (1: the very next), and with `always` all after it too. 0
 * disarms. The count restarts in any case. */
void alloc_faults_arm(uint32_t nth, bool always);

/* Counts an allocation; true when it has to fail. */
bool alloc_faults_hit(void);

alloc_faults_t alloc_faults_seen(void);

#endif
