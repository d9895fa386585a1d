/* SPDX-License-Identifier: MIT */
/* Static memory for lwIP's timers when the heap is full. */
#ifndef ESP32_QEMU_WORKAROUNDS_LWIP_TIMERS_H
#define ESP32_QEMU_WORKAROUNDS_LWIP_TIMERS_H

#include <stdbool.h>
#include <stddef.h>

/* Returns a place if lwIP is setting a timer and the size is that of one, else NULL. */
void *lwip_timers_take(size_t size);

/* Frees a place; false: the block is not one of them. */
bool lwip_timers_give(void *block);

#endif
