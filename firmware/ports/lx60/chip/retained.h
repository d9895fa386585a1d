/* SPDX-License-Identifier: MIT */
/* Data that survives a reset of the machine, in RAM outside of the image. */
#ifndef LX60_CHIP_RETAINED_H
#define LX60_CHIP_RETAINED_H

#include <stdint.h>

typedef enum { RESET_POWER_ON, RESET_HARD, RESET_PANIC, RESET_SOFT } reset_cause_t;

/* Determines why the machine started. */
void retained_init(void);

/* Records a soft reset, which restarts MicroPython without a reset of the machine. */
void retained_soft_reset(void);

reset_cause_t retained_cause(void);

/* "power_on", "hard_reset", "panic" or "soft". */
const char *retained_cause_name(void);

/* How often the machine was reset since power-on. */
uint32_t retained_starts(void);

/* Resets the machine. */
void board_reset(reset_cause_t cause) __attribute__((noreturn));

#endif
