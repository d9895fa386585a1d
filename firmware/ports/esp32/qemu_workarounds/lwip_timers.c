/* SPDX-License-Identifier: MIT */
/* ESP-IDF's lwIP allocates a timer from the heap each time it sets one, for TCP every 250 ms. When
 * that allocation fails, the timer is lost, but lwIP considers it running: until the next reset
 * nothing is retransmitted, no delayed ACK is sent, and no connection leaves TIME_WAIT. So timers
 * fall back to static memory. All of this runs under lwIP's core lock. */
#include "lwip_timers.h"

#include <stdint.h>

#include "lwip/opt.h"
#include "lwip/timeouts.h"

#define PLACES 16 /* lwIP sets five in this configuration, applications may set more */

static union {
    struct sys_timeo timer;
    uint64_t align;
} places[PLACES];
static uint32_t taken; /* a bit for each place */
static unsigned setting;

void *lwip_timers_take(size_t size) {
    if (setting == 0 || size != LWIP_MEM_ALIGN_SIZE(sizeof(struct sys_timeo))) {
        return NULL;
    }
    for (unsigned i = 0; i < PLACES; i++) {
        if (!(taken & 1u << i)) {
            taken |= 1u << i;
            return &places[i];
        }
    }
    return NULL;
}

bool lwip_timers_give(void *block) {
    uintptr_t offset = (uintptr_t)block - (uintptr_t)places;
    if (offset >= sizeof places) {
        return false;
    }
    taken &= ~(1u << offset / sizeof places[0]);
    return true;
}

/* ---- where lwIP sets timers: the linker redirects its calls here (--wrap) ---- */

void __real_sys_check_timeouts(void);
void __wrap_sys_check_timeouts(void);
void __wrap_sys_check_timeouts(void) {
    setting++;
    __real_sys_check_timeouts();
    setting--;
}

void __real_tcp_timer_needed(void);
void __wrap_tcp_timer_needed(void);
void __wrap_tcp_timer_needed(void) {
    setting++;
    __real_tcp_timer_needed();
    setting--;
}

void __real_sys_timeout(u32_t msecs, sys_timeout_handler handler, void *arg);
void __wrap_sys_timeout(u32_t msecs, sys_timeout_handler handler, void *arg);
void __wrap_sys_timeout(u32_t msecs, sys_timeout_handler handler, void *arg) {
    setting++;
    __real_sys_timeout(msecs, handler, arg);
    setting--;
}
