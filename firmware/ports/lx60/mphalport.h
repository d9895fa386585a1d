/* SPDX-License-Identifier: MIT */
/* MicroPython's hardware abstraction: clocks, and sections without interrupts. */
#ifndef LX60_MPHALPORT_H
#define LX60_MPHALPORT_H

#include "board.h"
#include "clock.h"
#include "shared/runtime/interrupt_char.h"

static inline mp_uint_t mp_hal_ticks_ms(void) { return (mp_uint_t)(board_us() / 1000); }
static inline mp_uint_t mp_hal_ticks_us(void) { return (mp_uint_t)board_us(); }
static inline mp_uint_t mp_hal_ticks_cpu(void) { return clock_cycles(); }
static inline uint64_t mp_hal_time_ns(void) { return board_us() * 1000; }
static inline void mp_hal_get_random(size_t length, uint8_t *bytes) {
    board_entropy(bytes, length);
}

/* no interrupt handler of ours touches MicroPython's state */
#define MICROPY_BEGIN_ATOMIC_SECTION() (0)
#define MICROPY_END_ATOMIC_SECTION(state) ((void)(state))

#endif
