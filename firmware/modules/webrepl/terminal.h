/* SPDX-License-Identifier: MIT */
/*
 * The session as MicroPython's thread has it: input from the queue, and the terminal object that
 * programs print to and read from, in the slot of os.dupterm() as in MicroPython's own WebREPL.
 */
#ifndef ESPBENCH_WEBREPL_TERMINAL_H
#define ESPBENCH_WEBREPL_TERMINAL_H

#include <stdbool.h>

/* Serves what is queued: logins, the REPL, files. At most about `budget_ms`, unless code that came
 * over the session takes longer. *reset gets set when the REPL asked for a soft reset: the session
 * was told so and is closed. Returns how many items it took. */
int webrepl_terminal_serve(unsigned budget_ms, bool *reset);

/* Whether code that came over the session is running. */
bool webrepl_terminal_runs(void);

/* Whether a piece of a file or of a raw paste is being dealt with. What runs Python then (a file
 * system in Python, something scheduled) must not have the next item served. */
bool webrepl_terminal_busy(void);

/* Attaches the session to what programs print, or takes it off. (Two pointers: the network context
 * may do it at a login, so that a program that hangs shows where it is interrupted.) */
void webrepl_terminal_attach(bool on);

/* Forgets the session; its connection is gone or is going. */
void webrepl_terminal_forget(void);

#endif
