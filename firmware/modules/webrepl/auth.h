/* SPDX-License-Identifier: MIT */
/*
 * The password of a WebREPL: the line that a client types, its compare, and how long an answer is
 * held back. Pure: no MicroPython.
 */
#ifndef ESPBENCH_WEBREPL_AUTH_H
#define ESPBENCH_WEBREPL_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WEBREPL_PASSWORD_MAX 128 /* bytes */

typedef struct {
    uint8_t text[WEBREPL_PASSWORD_MAX]; /* zeros behind what was typed */
    uint16_t length;                    /* WEBREPL_PASSWORD_MAX + 1: more was typed than fits */
} webrepl_password_t;

/* Takes typed bytes up to the end of the line. Returns how many it used; *complete tells that the
 * last of them was the end (CR or LF). Backspace and DEL erase a character, Ctrl-C all. */
size_t webrepl_password_type(webrepl_password_t *typed, const uint8_t *data, size_t length,
                             bool *complete);

/* Compares in a time that does not depend on what either of them holds. */
bool webrepl_password_equal(const webrepl_password_t *typed, const webrepl_password_t *password);

/* Milliseconds that an answer is held back, for this many failures in a row: 0, then 250, doubled
 * by each, and never more than 8000, so that the owner waits no longer than that either. */
uint32_t webrepl_password_delay_ms(unsigned failures);

#endif
