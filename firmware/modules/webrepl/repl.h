/* SPDX-License-Identifier: MIT */
/*
 * The session's REPL: MicroPython's own (shared/runtime/pyexec.c, shared/readline), fed character
 * by character, in a second copy beside the console's. So both have a line, a mode and a cursor of
 * their own, and a board keeps whichever kind of REPL its console has. History is shared.
 */
#ifndef ESPBENCH_WEBREPL_REPL_H
#define ESPBENCH_WEBREPL_REPL_H

#include <stdbool.h>

/* Begins at an empty friendly prompt, which is printed only if asked for. */
void webrepl_repl_begin(bool print_prompt);

/* Takes one character; may run code. True: it asked for a soft reset. May raise MemoryError. */
bool webrepl_repl_type(char c);

/* Whether a line, a block or a paste has begun, or the mode is raw: Ctrl-C is for the REPL. */
bool webrepl_repl_edits(void);
bool webrepl_repl_is_raw(void);

/* Goes back to a mode after webrepl_repl_begin(); the line that is being typed stays. */
void webrepl_repl_set_raw(bool raw);

/* Gives back what the GC heap holds for it. */
void webrepl_repl_forget(void);

/* What the REPL reads by itself while it takes a raw paste; webrepl_terminal.c has it. */
int webrepl_stdin_wait(void);

#endif
