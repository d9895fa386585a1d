/* SPDX-License-Identifier: MIT */
/* What a board calls in webrepl. */
#ifndef ESPBENCH_WEBREPL_H
#define ESPBENCH_WEBREPL_H

#include <stdbool.h>

/* Serves WebREPL while the console waits for input, so that it lives on when the application has
 * ended. To be called in the loop of mp_hal_stdin_rx_chr(). Raises nothing. True: the session asked
 * for a soft reset; the console is to leave its REPL as by Ctrl-D. */
bool webrepl_at_prompt(void);

#endif
