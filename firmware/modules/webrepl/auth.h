/* SPDX-License-Identifier: MIT */
/*
 * The WebREPL password: the line that a client types, its comparison, and how long the answer is
 * delayed. Pure: no MicroPython.
 */
#ifndef ESPBENCH_WEBREPL_AUTH_H
#define ESPBENCH_WEBREPL_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEBREPL_PASSWORD_MAX 128 /* bytes */

typedef struct {
    uint8_t text[WEBREPL_PASSWORD_MAX]; /* padded with zeros */
    uint16_t length;                    /* WEBREPL_PASSWORD_MAX + 1: too long */
} webrepl_password_t;

/* Takes typed bytes up to the end of the line. Returns how many bytes it used; *complete: the last
 * of them ended the line (CR or LF). Backspace and DEL erase a character, Ctrl-C everything. */
size_t webrepl_password_type(webrepl_password_t *typed, const uint8_t *data, size_t length,
                             bool *complete);

/* Compares in constant time, whatever the contents. */
bool webrepl_password_equal(const webrepl_password_t *typed, const webrepl_password_t *password);

/* Milliseconds to delay the answer after this many failures in a row: 0, then 250, doubled by each
 * failure up to 8000. The limit also bounds how long the owner waits. */
uint32_t webrepl_password_delay_ms(unsigned failures);

#endif
