/* SPDX-License-Identifier: MIT */
/* The cause of the last reset. */
#ifndef ESP32_RETAINED_H
#define ESP32_RETAINED_H

typedef enum { RESET_POWER_ON, RESET_HARD, RESET_PANIC, RESET_SOFT } reset_cause_t;

/* Records a soft reset, which restarts MicroPython without a reset of the chip. */
void retained_soft_reset(void);

/* "power_on", "hard_reset", "panic" or "soft". */
const char *retained_cause_name(void);

/* Resets the chip. */
void board_reset(reset_cause_t cause) __attribute__((noreturn));

#endif
