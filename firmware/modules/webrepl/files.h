/* SPDX-License-Identifier: MIT */
/*
 * Files over WebREPL, in MicroPython's own protocol (extmod/modwebrepl.c): binary frames with
 * requests "WA" and answers "WB". An answer's code is 0, or MicroPython's errno.
 */
#ifndef ESPBENCH_WEBREPL_FILES_H
#define ESPBENCH_WEBREPL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of the byte stream that the binary frames make. Raises nothing. */
void webrepl_files_input(const uint8_t *data, size_t length);

/* Whether a transfer is under way. */
bool webrepl_files_busy(void);

/* Ends a transfer; nothing stays of an upload that is not complete. Raises nothing. */
void webrepl_files_abort(void);

/* Removes what uploads left behind when the device was reset in the middle. Raises nothing. */
void webrepl_files_clean(void);

#endif
