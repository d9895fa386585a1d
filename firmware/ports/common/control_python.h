/* SPDX-License-Identifier: MIT */
/* exec and eval: source text of the host, run in MicroPython's thread. */
#ifndef COMMON_CONTROL_PYTHON_H
#define COMMON_CONTROL_PYTHON_H

#include <stdbool.h>
#include <stdint.h>

/* Takes base64 text and schedules it; the answer comes when it has run. One at a time. */
void control_python_request(uint32_t id, const char *base64, bool want_value);

/* Runs what has been taken and what will be: not before the frozen start-up code is done, in the
 * midst of which a program would find half of the modules. */
void control_python_open(void);

/* Closes, and forgets a request that a soft reset cut short, and says so to the host. */
void control_python_reset(void);

/* Between these two the REPL waits for console input. */
void control_python_in_readline(bool waiting);

#endif
