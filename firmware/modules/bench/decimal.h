/* SPDX-License-Identifier: MIT */
/* 64-bit numbers as text: ESP-IDF's "nano" printf does not support %llu. */
#ifndef ESPBENCH_DECIMAL_H
#define ESPBENCH_DECIMAL_H

#include <stdint.h>

#define DECIMAL_BYTES 21 /* of the longest, with its NUL */

/* Writes the number and returns where it begins in `out`. */
const char *decimal(uint64_t number, char out[DECIMAL_BYTES]);

#endif
