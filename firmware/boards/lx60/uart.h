/* The 16550 behind the console: bytes in, bytes out. */
#ifndef LX60_UART_H
#define LX60_UART_H

#include <stdbool.h>
#include <stddef.h>

void uart_init(void);
bool uart_readable(void);
int uart_read(void);
void uart_write(const char *data, size_t length);

#endif
