/* SPDX-License-Identifier: MIT */
/* The cycle counter as a clock, its comparator as an alarm, and sleep. */
#ifndef LX60_CHIP_CLOCK_H
#define LX60_CHIP_CLOCK_H

#include <stdint.h>

void clock_init(void);
uint32_t clock_frequency(void);
uint32_t clock_cycles(void);

/* Milliseconds since the last reset; begins again after 49 days. */
uint32_t clock_ms(void);

/* Asks for LX60_INT_TIMER in about `us` microseconds; a time that is already over counts as an
 * event at once. Only the last alarm holds. */
void clock_alarm(uint32_t us);

/* Opens the mask for these interrupt lines. */
void clock_unmask(uint32_t lines);

/* Sleeps until an unmasked interrupt, unless board_events already has one. */
void clock_sleep(void);

#endif
