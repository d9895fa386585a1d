/* SPDX-License-Identifier: MIT */
/* MicroPython's HAL on this board: console, delays, waits. */
#include "py/mphal.h"

#include "board.h"
#include "console.h"
#include "control_python.h"
#include "extmod/misc.h"
#include "py/runtime.h"
#include "py/stream.h"

/* from firmware/modules/webserver, if linked */
bool server_at_prompt(void) __attribute__((weak));

/* Longer waits are split into pieces of this size. */
#define WAIT_US 1000000u

void board_vm_hook(void) { board_poll(); }

uint32_t lx60_random_seed(void) {
    uint32_t seed;
    board_entropy((unsigned char *)&seed, sizeof(seed));
    return seed;
}

int mp_hal_stdin_rx_chr(void) {
    control_python_in_readline(true);
    int c;
    for (;;) {
        mp_handle_pending(true);
        board_poll();
        if ((c = console_read()) >= 0) {
            break;
        }
        if (server_at_prompt != NULL && server_at_prompt()) {
            console_inject("\x03\x04"); /* a soft reset was requested */
            continue;
        }
        if ((c = mp_os_dupterm_rx_chr()) >= 0) {
            break;
        }
        board_wait_event(WAIT_US);
    }
    control_python_in_readline(false);
    return c;
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t length) {
    board_console_write_raw(text, length);
    mp_os_dupterm_tx_strn(text, length); /* copies the output to webrepl */
    return length;
}

uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    board_poll();
    uintptr_t console = MP_STREAM_POLL_WR | (console_readable() ? MP_STREAM_POLL_RD : 0);
    return (flags & console) | (mp_os_dupterm_poll(flags) & flags & MP_STREAM_POLL_RD);
}

void mp_hal_delay_ms(mp_uint_t ms) {
    uint64_t end = board_us() + (uint64_t)ms * 1000;
    for (;;) {
        mp_handle_pending(true);
        uint64_t now = board_us();
        if (now >= end) {
            board_poll();
            return;
        }
        board_wait_event(end - now > WAIT_US ? WAIT_US : (uint32_t)(end - now));
    }
}

void mp_hal_delay_us(mp_uint_t us) {
    uint64_t end = board_us() + us;
    while (board_us() < end) {
    }
}

void lx60_wait_event_ms(int ms) {
    board_wait_event(ms < 0 || ms > 1000 ? WAIT_US : (uint32_t)ms * 1000);
}
