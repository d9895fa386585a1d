/* SPDX-License-Identifier: MIT */
/* Implements heap= of the boot arguments: how much of the chip's heap the network may use. */
#ifndef ESP32_HEAP_LIMIT_H
#define ESP32_HEAP_LIMIT_H

#include <stddef.h>

/* Allocates memory permanently until no more than `bytes` are free. */
void heap_limit_set(size_t bytes);

#endif
