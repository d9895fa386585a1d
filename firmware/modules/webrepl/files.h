/* SPDX-License-Identifier: MIT */
/*
 * Files over WebREPL, in MicroPython's own protocol (extmod/modwebrepl.c): binary frames with
 * requests "WA" and responses "WB". A response's code is 0 or MicroPython's errno.
 */
#ifndef ESPBENCH_WEBREPL_FILES_H
#define ESPBENCH_WEBREPL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Takes a piece of the byte stream in the binary frames. Raises nothing. */
void webrepl_files_input(const uint8_t *data, size_t length);

/* Whether a transfer is under way. */
bool webrepl_files_busy(void);

/* Ends a transfer; removes an incomplete upload. Raises nothing. */
void webrepl_files_abort(void);

/* Removes files left by uploads that a reset interrupted. Raises nothing. */
void webrepl_files_clean(void);

#endif
