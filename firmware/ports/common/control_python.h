/* SPDX-License-Identifier: MIT */
/* exec and eval: runs source text from the host in MicroPython's thread. */
#ifndef COMMON_CONTROL_PYTHON_H
#define COMMON_CONTROL_PYTHON_H

#include <stdbool.h>
#include <stdint.h>

/* Schedules base64-encoded source; the answer is sent when it has run. One at a time. */
void control_python_request(uint32_t id, const char *base64, bool want_value);

/* Starts running requests, once the frozen start-up code is done: before that, a program would find
 * only some of the modules. */
void control_python_open(void);

/* Stops running requests; a request cut short by a soft reset gets an error. */
void control_python_reset(void);

/* Set while the REPL waits for console input. */
void control_python_in_readline(bool waiting);

#endif
