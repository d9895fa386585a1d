/* SPDX-License-Identifier: MIT */
#include "console.h"

#include <stdint.h>
#include <string.h>

#include "board.h"
#include "control.h"
#include "py/mpconfig.h"
#include "py/runtime.h"
#include "shared/runtime/interrupt_char.h"
#include "uart.h"

#define RING_BYTES 16384 /* a power of two */

static uint8_t ring[RING_BYTES];
static size_t ring_in, ring_out;

static bool in_record;

bool console_full(void) { return ring_in - ring_out == RING_BYTES; }

static void take(int byte) {
    if (byte == CONSOLE_RECORD_SEPARATOR) {
        in_record = true;
        control_begin();
    } else if (in_record) {
        if (byte == '\n') {
            in_record = false;
            control_end();
        } else {
            control_byte(byte);
        }
    } else if (byte == mp_interrupt_char) {
        mp_sched_keyboard_interrupt();
    } else {
        ring[ring_in++ % RING_BYTES] = byte;
    }
}

bool console_poll(void) {
    bool took = false;
    while ((in_record || !console_full()) && uart_readable()) {
        take(uart_read());
        took = true;
    }
    return took;
}

bool console_readable(void) { return ring_in != ring_out; }

int console_read(void) { return console_readable() ? ring[ring_out++ % RING_BYTES] : -1; }

void console_inject(const char *text) {
    for (size_t i = strlen(text); i > 0 && !console_full(); i--) {
        ring[--ring_out % RING_BYTES] = text[i - 1];
    }
}

static void write_text(const char *text, size_t length, bool cooked) {
    const char *end = text + length;
    for (const char *run = text; text < end; run = text) {
        while (text < end && *text != CONSOLE_RECORD_SEPARATOR && !(cooked && *text == '\n')) {
            text++;
        }
        uart_write(run, text - run);
        if (text < end) {
            /* a record separator from a program would look like a control record */
            uart_write(*text == '\n' ? "\r\n" : "?", *text == '\n' ? 2 : 1);
            text++;
        }
    }
}

void board_console_write(const char *text, size_t length) { write_text(text, length, true); }

void board_console_write_raw(const char *text, size_t length) { write_text(text, length, false); }

void console_record_begin(void) {
    char separator = CONSOLE_RECORD_SEPARATOR;
    uart_write(&separator, 1);
}

void console_record_piece(const char *text, size_t length) { uart_write(text, length); }

void console_record_end(void) { uart_write("\n", 1); }
