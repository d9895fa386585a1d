/* SPDX-License-Identifier: MIT */
/* The console's input, with what WebREPL needs to live on at the prompt. */
#include "console.h"
#include "control_python.h"
#include "extmod/misc.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "webrepl/webrepl.h"

int __real_mp_hal_stdin_rx_chr(void);
int __wrap_mp_hal_stdin_rx_chr(void);

static int wait_for_char(void) {
    for (;;) {
        mp_handle_pending(true);
        if (ringbuf_peek(&stdin_ringbuf) != -1) {
            return __real_mp_hal_stdin_rx_chr();
        }
        if (webrepl_at_prompt()) {
            console_inject("\x03\x04"); /* a soft reset is wanted */
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
    control_python_in_readline(true);
    int c = wait_for_char();
    control_python_in_readline(false);
    return c;
}
