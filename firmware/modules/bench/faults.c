/* SPDX-License-Identifier: MIT */
#include "faults.h"

static uint32_t armed_nth;
static bool armed_always;
static alloc_faults_t seen;

void alloc_faults_arm(uint32_t nth, bool always) {
    armed_nth = nth;
    armed_always = always;
    seen = (alloc_faults_t){0, 0};
}

bool alloc_faults_hit(void) {
    seen.allocations++;
    if (armed_nth == 0 || seen.allocations < armed_nth) {
        return false;
    }
    if (seen.allocations > armed_nth && !armed_always) {
        return false;
    }
    seen.failed++;
    return true;
}

alloc_faults_t alloc_faults_seen(void) { return seen; }
