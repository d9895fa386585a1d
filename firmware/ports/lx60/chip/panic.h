/* SPDX-License-Identifier: MIT */
/* The dump before a reset, in the words of ESP-IDF's panic handler. */
#ifndef LX60_CHIP_PANIC_H
#define LX60_CHIP_PANIC_H

/* Prints "assert failed: <text>" or the like, dumps the caller's registers and resets. */
void panic_message(const char *format, ...) __attribute__((noreturn, format(__printf__, 1, 2)));

/* The registers of the caller are dumped (start.S). */
void panic_abort(void) __attribute__((noreturn));

/* Ends in a dump when a stack has run over its end. */
void panic_check_stacks(void);

#endif
