/* SPDX-License-Identifier: MIT */
/*
 * The session in MicroPython's thread: input from the queue, and the terminal object that programs
 * print to and read from, in the slot of os.dupterm() as in MicroPython's own WebREPL.
 */
#ifndef ESPBENCH_WEBREPL_TERMINAL_H
#define ESPBENCH_WEBREPL_TERMINAL_H

#include <stdbool.h>

/* Serves queued items (logins, the REPL, files) for about `budget_ms` at most, unless code of the
 * session takes longer. *reset: the REPL requested a soft reset, and the session is closed. Returns
 * how many items it took. */
int webrepl_terminal_serve(unsigned budget_ms, bool *reset);

/* Whether code of the session is running. */
bool webrepl_terminal_runs(void);

/* Whether a piece of a file or of a raw paste is being processed. Python code that runs meanwhile
 * (a file system in Python, a scheduled function) must not serve the next item. */
bool webrepl_terminal_busy(void);

/* Attaches the session to the output of programs, or detaches it. (This only sets pointers, so the
 * network context may do it at a login: a hanging program then shows where it is interrupted.) */
void webrepl_terminal_attach(bool on);

/* Forgets the session, whose connection has ended or is ending. */
void webrepl_terminal_forget(void);

#endif
