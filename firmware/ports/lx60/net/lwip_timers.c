/* SPDX-License-Identifier: MIT */
/*
 * Implements the functions that lwIP requires with LWIP_TIMERS_CUSTOM (opt.h). Upstream's timers
 * allocate memory each time they are restarted; one failure would stop TCP's timer permanently.
 */
#include "lwip_timers.h"

#include "lwip/opt.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/sys.h"
#include "lwip/timeouts.h"
#include "panic.h"

#define SHOTS_AT_MOST 16
#define CYCLIC_AT_MOST 12
#define TCP_TIMER 0 /* its index in lwip_cyclic_timers[] */

typedef struct {
    sys_timeout_handler handler; /* NULL: free */
    void *arg;
    uint32_t due;
} shot_t;

static shot_t shots[SHOTS_AT_MOST];
static uint32_t cyclic_due[CYCLIC_AT_MOST];

static bool is_due(uint32_t due, uint32_t now) { return (int32_t)(now - due) >= 0; }

/* TCP's timer stops while there is no connection. */
static bool is_running(int cyclic) {
    return cyclic != TCP_TIMER || tcp_active_pcbs != NULL || tcp_tw_pcbs != NULL;
}

void sys_timeouts_init(void) {
    LWIP_ASSERT("CYCLIC_AT_MOST is too small", lwip_num_cyclic_timers <= CYCLIC_AT_MOST);
    for (int i = 0; i < lwip_num_cyclic_timers; i++) {
        cyclic_due[i] = sys_now() + lwip_cyclic_timers[i].interval_ms;
    }
}

void sys_timeout(u32_t ms, sys_timeout_handler handler, void *arg) {
    for (int i = 0; i < SHOTS_AT_MOST; i++) {
        if (shots[i].handler == NULL) {
            shots[i] = (shot_t){handler, arg, sys_now() + ms};
            return;
        }
    }
    panic_message("assert failed: sys_timeout: more than %d timers", SHOTS_AT_MOST);
}

void sys_untimeout(sys_timeout_handler handler, void *arg) {
    for (int i = 0; i < SHOTS_AT_MOST; i++) {
        if (shots[i].handler == handler && shots[i].arg == arg) {
            shots[i].handler = NULL;
            return;
        }
    }
}

bool lwip_timers_run(void) {
    uint32_t now = sys_now();
    bool ran = false;
    for (int i = 0; i < lwip_num_cyclic_timers; i++) {
        if (is_running(i) && is_due(cyclic_due[i], now)) {
            cyclic_due[i] = now + lwip_cyclic_timers[i].interval_ms;
            lwip_cyclic_timers[i].handler();
            ran = true;
        }
    }
    for (int i = 0; i < SHOTS_AT_MOST; i++) {
        shot_t shot = shots[i];
        if (shot.handler != NULL && is_due(shot.due, now)) {
            shots[i].handler = NULL;
            shot.handler(shot.arg);
            ran = true;
        }
    }
    return ran;
}

uint32_t lwip_timers_wait_ms(void) {
    uint32_t now = sys_now(), wait = UINT32_MAX;
    for (int i = 0; i < lwip_num_cyclic_timers; i++) {
        if (is_running(i)) {
            uint32_t left = is_due(cyclic_due[i], now) ? 0 : cyclic_due[i] - now;
            wait = left < wait ? left : wait;
        }
    }
    for (int i = 0; i < SHOTS_AT_MOST; i++) {
        if (shots[i].handler != NULL) {
            uint32_t left = is_due(shots[i].due, now) ? 0 : shots[i].due - now;
            wait = left < wait ? left : wait;
        }
    }
    return wait;
}
