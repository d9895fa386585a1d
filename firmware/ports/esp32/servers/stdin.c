/* SPDX-License-Identifier: MIT */
/* Console input that also serves the WebREPL while waiting at the prompt. */
#include "stdin.h"

#include "extmod/misc.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "py/mphal.h"
#include "py/ringbuf.h"
#include "py/runtime.h"
#include "py/stream.h"
#if MICROPY_HW_ESP_USB_SERIAL_JTAG
#include "usb_serial_jtag.h"
#endif
#if MICROPY_HW_USB_CDC
#include "shared/tinyusb/mp_usbd_cdc.h"
#endif
#include "webserver/server.h"

#define CTRL_C 3
#define CTRL_D 4

int __real_mp_hal_stdin_rx_chr(void);
int __wrap_mp_hal_stdin_rx_chr(void);

static int wait_for_char(void) {
    for (;;) {
        mp_handle_pending(true);
#if MICROPY_HW_ESP_USB_SERIAL_JTAG
        usb_serial_jtag_poll_rx();
#endif
#if MICROPY_HW_USB_CDC
        mp_usbd_cdc_poll_interfaces(0);
#endif
        if (ringbuf_peek(&stdin_ringbuf) != -1) {
            return __real_mp_hal_stdin_rx_chr();
        }
        if (server_at_prompt()) { /* a soft reset was requested */
            ringbuf_put(&stdin_ringbuf, CTRL_C);
            ringbuf_put(&stdin_ringbuf, CTRL_D);
            continue;
        }
        int c = mp_os_dupterm_rx_chr();
        if (c >= 0) {
            return c;
        }
        MP_THREAD_GIL_EXIT();
        ulTaskNotifyTake(pdTRUE, pdMS_TO_TICKS(10)); /* the UART's interrupt does not notify */
        MP_THREAD_GIL_ENTER();
    }
}

int __wrap_mp_hal_stdin_rx_chr(void) {
    if (stdin_waits) {
        stdin_waits(true);
    }
    int c = wait_for_char();
    if (stdin_waits) {
        stdin_waits(false);
    }
    return c;
}
