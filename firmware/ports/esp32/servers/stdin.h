/* SPDX-License-Identifier: MIT */
/* A hook around the wait of the REPL for console input. */
#ifndef ESP32_SERVERS_STDIN_H
#define ESP32_SERVERS_STDIN_H

#include <stdbool.h>

/* Optional, provided by the board: called before and after the REPL waits for console input. */
void stdin_waits(bool waiting) __attribute__((weak));

#endif
