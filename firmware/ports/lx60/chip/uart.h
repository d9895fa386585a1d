/* SPDX-License-Identifier: MIT */
/* The 16550 behind the console: bytes in, bytes out. */
#ifndef LX60_CHIP_UART_H
#define LX60_CHIP_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The number of bytes read, plus one; zero until the UART is ready. A host that records a run
 * checks here whether it may send more (harness/espbench/qemu/uart_pacing.py). */
extern volatile uint32_t uart_taken;

void uart_init(void);
bool uart_readable(void);
int uart_read(void);
void uart_write(const char *data, size_t length);

#endif
