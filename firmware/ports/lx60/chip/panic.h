/* SPDX-License-Identifier: MIT */
/* The panic dump before a reset, in the format of ESP-IDF's panic handler. */
#ifndef LX60_CHIP_PANIC_H
#define LX60_CHIP_PANIC_H

/* Prints "assert failed: <text>" or the like, dumps the caller's registers and resets. */
void panic_message(const char *format, ...) __attribute__((noreturn, format(__printf__, 1, 2)));

/* Dumps the registers of the caller and resets (start.S). */
void panic_abort(void) __attribute__((noreturn));

/* Panics when a stack has overflowed. */
void panic_check_stacks(void);

#endif
