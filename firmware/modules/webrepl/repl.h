/* SPDX-License-Identifier: MIT */
/*
 * The session's REPL: MicroPython's own (shared/runtime/pyexec.c, shared/readline), fed character
 * by character, in a second copy beside the console's. Each has its own line, mode and cursor,
 * whichever kind of REPL the board's console has. The history is shared.
 */
#ifndef ESPBENCH_WEBREPL_REPL_H
#define ESPBENCH_WEBREPL_REPL_H

#include <stdbool.h>

/* Begins at an empty friendly prompt, which is printed only if asked for. */
void webrepl_repl_begin(bool print_prompt);

/* Takes one character; may run code. True: a soft reset was requested. May raise MemoryError. */
bool webrepl_repl_type(char c);

/* Whether a line, a block or a paste has begun, or the mode is raw: Ctrl-C is for the REPL. */
bool webrepl_repl_edits(void);
bool webrepl_repl_is_raw(void);

/* Restores a mode after webrepl_repl_begin(); keeps the line being typed. */
void webrepl_repl_set_raw(bool raw);

/* Releases its objects in the GC heap. */
void webrepl_repl_forget(void);

/* Called by the REPL to read a raw paste; defined in terminal.c. */
int webrepl_stdin_wait(void);

#endif
