#include "console.h"

#include <string.h>

#include "board.h"
#include "control.h"
#include "driver/uart.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "hal/uart_hal.h"
#include "py/mphal.h"
#include "py/ringbuf.h"
#include "uart.h"

#define CONTROL_UART UART_NUM_1
/* Nothing is at the other end of a real UART1's default pins, and the driver routes none: this is
 * for the emulator, whose UARTs keep to the baud rate. */
#define CONTROL_BAUD 5000000
#define CONTROL_RX_BYTES 1024
#define CONTROL_STACK_BYTES 4096
#define CONTROL_PRIORITY 6 /* above the network task: it answers while that computes */

#define RECORD_SEPARATOR 0x1e

static SemaphoreHandle_t record_lock;

/* ---- console ---- */

static void write_console(const char *text, size_t length) {
    uart_hal_context_t hal = {.dev = UART_LL_GET_HW(MICROPY_HW_UART_REPL)};
    while (length > 0) {
        uint32_t written = 0;
        uart_hal_write_txfifo(&hal, (const uint8_t *)text, length, &written);
        text += written;
        length -= written;
        if (length > 0) {
            vTaskDelay(1); /* not a notification: the network task's are for its connections */
        }
    }
}

void board_console_write(const char *text, size_t length) {
    const char *end = text + length;
    while (text < end) {
        const char *line = memchr(text, '\n', end - text);
        write_console(text, (line != NULL ? line : end) - text);
        if (line == NULL) {
            return;
        }
        write_console("\r\n", 2);
        text = line + 1;
    }
}

void console_inject(const char *text) {
    while (*text != '\0') {
        ringbuf_put(&stdin_ringbuf, (uint8_t)*text++);
    }
}

/* ---- records ---- */

void console_record_begin(void) {
    static const char separator = RECORD_SEPARATOR;
    xSemaphoreTake(record_lock, portMAX_DELAY);
    uart_write_bytes(CONTROL_UART, &separator, 1);
}

void console_record_piece(const char *text, size_t length) {
    uart_write_bytes(CONTROL_UART, text, length);
}

void console_record_end(void) {
    uart_write_bytes(CONTROL_UART, "\n", 1);
    xSemaphoreGive(record_lock);
}

static void take(char byte) {
    static bool in_record;
    if (byte == RECORD_SEPARATOR) {
        in_record = true;
        control_begin();
    } else if (in_record && byte == '\n') {
        in_record = false;
        control_end();
    } else if (in_record) {
        control_byte((unsigned char)byte);
    }
}

static void answer(void *unused) {
    (void)unused;
    static char bytes[128];
    for (;;) {
        int n = uart_read_bytes(CONTROL_UART, bytes, 1, portMAX_DELAY);
        size_t more = 0;
        uart_get_buffered_data_len(CONTROL_UART, &more);
        if (n == 1 && more > 0) {
            more = more < sizeof(bytes) - 1 ? more : sizeof(bytes) - 1;
            n += uart_read_bytes(CONTROL_UART, bytes + 1, more, 0);
        }
        for (int i = 0; i < n; i++) {
            take(bytes[i]);
        }
    }
}

bool console_start_control(void) {
    const uart_config_t config = {
        .baud_rate = CONTROL_BAUD,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };
    record_lock = xSemaphoreCreateMutex();
    return record_lock != NULL &&
           uart_driver_install(CONTROL_UART, CONTROL_RX_BYTES, 0, 0, NULL, 0) == ESP_OK &&
           uart_param_config(CONTROL_UART, &config) == ESP_OK &&
           xTaskCreate(answer, "espbench_ctl", CONTROL_STACK_BYTES, NULL, CONTROL_PRIORITY,
                       NULL) == pdPASS;
}
