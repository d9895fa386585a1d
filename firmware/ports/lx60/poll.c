/* SPDX-License-Identifier: MIT */
/* Polls console and network, and sleeps until the next event. */
#include "board.h"
#include "clock.h"
#include "console.h"
#include "net.h"
#include "panic.h"
#include "py/mpstate.h"
#include "registers.h"

/* The clock's own limit is 107 s. */
#define SLEEP_AT_MOST_US 10000000u

static bool polling;

bool board_poll(void) {
    if (polling) {
        return false;
    }
    polling = true;
    board_events = 0;
    panic_check_stacks();
    bool worked = console_poll();
    worked |= net_poll();
    clock_alarm(net_wait_us());
    /* While its ring is full, the console stays masked: the UART's line would stay active. */
    clock_unmask(LX60_INT_TIMER | LX60_INT_ETHERNET | (console_full() ? 0 : LX60_INT_UART));
    polling = false;
    return worked;
}

static bool micropython_has_work(void) {
    return MP_STATE_VM(sched_state) == MP_SCHED_PENDING ||
           MP_STATE_MAIN_THREAD(mp_pending_exception) != MP_OBJ_NULL;
}

void board_wait_event(uint32_t us) {
    if (board_poll() || us == 0 || micropython_has_work()) {
        return;
    }
    uint32_t wait = net_wait_us();
    if (wait > us) {
        wait = us;
    }
    if (wait > SLEEP_AT_MOST_US) {
        wait = SLEEP_AT_MOST_US;
    }
    if (wait == 0) {
        return;
    }
    clock_alarm(wait);
    clock_sleep();
    board_poll();
}
