/* SPDX-License-Identifier: MIT */
/* The cycle counter as a clock, its comparator as an alarm, and sleep. */
#ifndef LX60_CHIP_CLOCK_H
#define LX60_CHIP_CLOCK_H

#include <stdint.h>

void clock_init(void);
uint32_t clock_frequency(void);
uint32_t clock_cycles(void);

/* Milliseconds since the last reset; wraps after 49 days. */
uint32_t clock_ms(void);

/* Requests LX60_INT_TIMER in about `us` microseconds, at once if that time has already passed.
 * Replaces the previous alarm. */
void clock_alarm(uint32_t us);

/* Unmasks these interrupt lines. */
void clock_unmask(uint32_t lines);

/* Sleeps until an unmasked interrupt, unless board_events already has one. */
void clock_sleep(void);

#endif
