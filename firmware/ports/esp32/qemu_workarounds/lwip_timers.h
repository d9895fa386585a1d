/* SPDX-License-Identifier: MIT */
/* Memory for lwIP's timers, for when the heap has none. */
#ifndef ESP32_QEMU_WORKAROUNDS_LWIP_TIMERS_H
#define ESP32_QEMU_WORKAROUNDS_LWIP_TIMERS_H

#include <stdbool.h>
#include <stddef.h>

/* What lwIP allocates now may be a timer: a place for one of that size, or NULL. */
void *lwip_timers_take(size_t size);

/* false: the block is none of these. */
bool lwip_timers_give(void *block);

#endif
