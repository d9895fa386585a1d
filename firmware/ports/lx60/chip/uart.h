/* SPDX-License-Identifier: MIT */
/* The 16550 behind the console: bytes in, bytes out. */
#ifndef LX60_CHIP_UART_H
#define LX60_CHIP_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many bytes were read from it, plus one; zero until it is ready. A host that records a run
 * looks here when it may send more (harness/espbench/qemu/uart_pacing.py). */
extern volatile uint32_t uart_taken;

void uart_init(void);
bool uart_readable(void);
int uart_read(void);
void uart_write(const char *data, size_t length);

#endif
