/* SPDX-License-Identifier: MIT */
#include "console.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "driver/uart.h"
#include "esp_err.h"

#define PORT UART_NUM_0
#define RX_BUFFER_SIZE 512

static char s_line[8192];
static size_t s_length;

void console_start(void) {
    ESP_ERROR_CHECK(uart_driver_install(PORT, RX_BUFFER_SIZE, 0, 0, NULL, 0));
}

bool console_read_line(char *line, size_t size) {
    size_t length = 0;
    for (;;) {
        char c;
        if (uart_read_bytes(PORT, &c, 1, portMAX_DELAY) != 1)
            continue;
        if (c == '\n' || c == '\r') {
            if (length == 0)
                continue;
            bool fits = length < size;
            line[fits ? length : 0] = '\0';
            return fits;
        }
        if (length < size - 1)
            line[length] = c;
        if (length < size)
            length++;
    }
}

void console_begin(void) { s_length = 0; }

void console_add(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    size_t left = sizeof(s_line) - s_length;
    int length = vsnprintf(s_line + s_length, left, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= left)
        abort();
    s_length += (size_t)length;
}

void console_end(void) {
    console_add("\n");
    uart_write_bytes(PORT, s_line, s_length);
    ESP_ERROR_CHECK(uart_wait_tx_done(PORT, portMAX_DELAY));
}
