/* SPDX-License-Identifier: MIT */
#include "console.h"

#include <string.h>

#include "board.h"
#include "control.h"
#include "driver/uart.h"
#include "esp_intr_alloc.h"
#include "esp_private/periph_ctrl.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"
#include "hal/uart_hal.h"
#include "py/mphal.h"
#include "py/ringbuf.h"
#include "soc/uart_periph.h"
#include "uart.h"

#define CONTROL_UART UART_NUM_1
/* For the emulator only, whose UARTs run at the configured baud rate. On a chip nothing is
 * connected to UART1's default pins, and the driver routes none. */
#define CONTROL_BAUD 5000000
#define CONTROL_STACK_BYTES 4096
#define CONTROL_PRIORITY 6 /* above the network task, to answer while that computes */

#define RX_INTERRUPTS (UART_INTR_RXFIFO_FULL | UART_INTR_RXFIFO_TOUT)
#define LOOK_AGAIN_MS 100  /* in case an interrupt is lost */
#define RX_TIMEOUT_BITS 10 /* about one byte, as in ESP-IDF's driver */

#define RECORD_SEPARATOR 0x1e

static SemaphoreHandle_t record_lock;

/* Waits for room with a delay, not for a notification, which the network task uses for its
 * connections. */
static void write_uart(uart_dev_t *uart, const char *text, size_t length) {
    uart_hal_context_t hal = {.dev = uart};
    while (length > 0) {
        uint32_t written = 0;
        uart_hal_write_txfifo(&hal, (const uint8_t *)text, length, &written);
        text += written;
        length -= written;
        if (length > 0) {
            vTaskDelay(1);
        }
    }
}

static void write_console(const char *text, size_t length) {
    write_uart(UART_LL_GET_HW(MICROPY_HW_UART_REPL), text, length);
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
    console_record_piece(&separator, 1);
}

void console_record_piece(const char *text, size_t length) {
    write_uart(UART_LL_GET_HW(CONTROL_UART), text, length);
}

void console_record_end(void) {
    console_record_piece("\n", 1);
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

/* ---- the control UART ---- */

static TaskHandle_t answering;

static uart_hal_context_t control_hal(void) {
    return (uart_hal_context_t){.dev = UART_LL_GET_HW(CONTROL_UART)};
}

static void IRAM_ATTR on_interrupt(void *unused) {
    (void)unused;
    uart_hal_context_t hal = {.dev = UART_LL_GET_HW(CONTROL_UART)};
    BaseType_t woken = pdFALSE;
    uart_hal_disable_intr_mask(&hal, RX_INTERRUPTS);
    uart_hal_clr_intsts_mask(&hal, RX_INTERRUPTS);
    if (answering != NULL) { /* in QEMU, an interrupt can be pending since before a reset */
        vTaskNotifyGiveFromISR(answering, &woken);
    }
    if (woken == pdTRUE) {
        portYIELD_FROM_ISR();
    }
}

/* Takes all bytes from the UART; the host waits while its FIFO is full. */
static void drain(uart_hal_context_t *hal) {
    uint8_t bytes[SOC_UART_FIFO_LEN];
    int length;
    while ((length = (int)uart_hal_get_rxfifo_len(hal)) > 0) {
        uart_hal_read_rxfifo(hal, bytes, &length);
        for (int i = 0; i < length; i++) {
            take((char)bytes[i]);
        }
    }
}

static void answer(void *unused) {
    (void)unused;
    uart_hal_context_t hal = control_hal();
    for (;;) {
        drain(&hal);
        uart_hal_ena_intr_mask(&hal, RX_INTERRUPTS);
        /* The emulator raises an interrupt for new bytes, not for bytes already in the FIFO. */
        if (uart_hal_get_rxfifo_len(&hal) == 0) {
            ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS(LOOK_AGAIN_MS));
        }
    }
}

static bool start_uart(void) {
    uart_hal_context_t hal = control_hal();
    uint32_t clock;
    periph_module_enable(PERIPH_UART1_MODULE);
    if (uart_get_sclk_freq(UART_SCLK_DEFAULT, &clock) != ESP_OK) {
        return false;
    }
    uart_hal_init(&hal, CONTROL_UART); /* 8n1, no flow control */
    uart_hal_set_sclk(&hal, (soc_module_clk_t)UART_SCLK_DEFAULT);
    uart_hal_set_baudrate(&hal, CONTROL_BAUD, clock);
    uart_hal_rxfifo_rst(&hal);
    uart_hal_txfifo_rst(&hal);
    /* A CPU reset leaves them enabled, and there is no task to notify yet. */
    uart_hal_disable_intr_mask(&hal, UINT32_MAX);
    if (esp_intr_alloc(uart_periph_signal[CONTROL_UART].irq, ESP_INTR_FLAG_LOWMED, on_interrupt,
                       NULL, NULL) != ESP_OK) {
        return false;
    }
    uart_hal_set_rxfifo_full_thr(&hal, SOC_UART_FIFO_LEN - 8);
    uart_hal_set_rx_timeout(&hal, RX_TIMEOUT_BITS);
    return true;
}

bool console_start_control(void) {
    record_lock = xSemaphoreCreateMutex();
    /* the task enables the UART's interrupts once both exist */
    return record_lock != NULL && start_uart() &&
           xTaskCreate(answer, "espbench_ctl", CONTROL_STACK_BYTES, NULL, CONTROL_PRIORITY,
                       &answering) == pdPASS;
}
