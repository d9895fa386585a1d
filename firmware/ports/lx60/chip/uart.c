/* SPDX-License-Identifier: MIT */
#include "uart.h"

#include "registers.h"

/* 16550 registers, four bytes apart. */
#define RBR (LX60_UART + 0x00)
#define THR (LX60_UART + 0x00)
#define IER (LX60_UART + 0x04)
#define FCR (LX60_UART + 0x08)
#define LSR (LX60_UART + 0x14)

#define IER_RECEIVED 0x01
#define FCR_ENABLE 0x01
#define LSR_DATA_READY 0x01
#define LSR_THR_EMPTY 0x20

volatile uint32_t uart_taken;

static int early = -1; /* a byte that arrived before uart_init(), or -1 */

void uart_init(void) {
    /* Enabling the FIFO empties it, and the host may have sent a byte already. After that, QEMU
     * holds back input that does not fit, so no input is ever lost. */
    early = register_read(LSR) & LSR_DATA_READY ? (int)(register_read(RBR) & 0xff) : -1;
    register_write(FCR, FCR_ENABLE);
    register_write(IER, IER_RECEIVED);
    uart_taken = 1;
}

bool uart_readable(void) { return early >= 0 || (register_read(LSR) & LSR_DATA_READY); }

int uart_read(void) {
    uart_taken++;
    if (early >= 0) {
        int byte = early;
        early = -1;
        return byte;
    }
    return register_read(RBR) & 0xff;
}

void uart_write(const char *data, size_t length) {
    for (size_t i = 0; i < length; i++) {
        while (!(register_read(LSR) & LSR_THR_EMPTY)) {
        }
        register_write(THR, (unsigned char)data[i]);
    }
}
