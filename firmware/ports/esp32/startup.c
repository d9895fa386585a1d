/* SPDX-License-Identifier: MIT */
/* The bench's part of starts and soft resets. It uses hooks of MicroPython's esp32 port and the
 * linker's --wrap: the port itself is unchanged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/faults.h"
#include "bench/port.h"
#include "board.h"
#include "boot_arguments.h"
#include "cmdline.h"
#include "console.h"
#include "control.h"
#include "control_python.h"
#include "esp_log.h"
#include "freertos/FreeRTOS.h"
#include "freertos/idf_additions.h"
#include "freertos/task.h"
#include "gc_figures.h"
#include "heap_limit.h"
#include "net.h"
#include "net_heap_faults.h"
#include "network_task.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "retained.h"
#include "shared/runtime/pyexec.h"
#include "stdin.h"
#include "webserver/net_heap.h"

/* ESP-IDF logs when it runs out of memory, but its first log line allocates two locks and calls
 * abort() if that fails. So create both now. */
static void make_log_locks(void) {
    esp_log_level_set("*", esp_log_level_get("*")); /* the log's own */
    write(fileno(stdout), "", 0);                   /* its UART's */
}

/* MICROPY_BOARD_STARTUP: runs before MicroPython's task exists. */
void espbench_startup(void) {
    /* old_code.c took the whole heap, and cannot reset it that early. */
    net_heap_reset_low_water();
    boardctrl_startup(); /* the port's own: NVS */
    make_log_locks();
    boot_arguments_read();
    net_heap_inject(alloc_faults_hit);
    if (!console_start_control() || !network_task_start()) {
        abort();
    }
}

/* MICROPY_PORT_INIT_FUNC: runs at the end of each mp_init(). */
void espbench_port_init(void) {
    static bool again;
    if (again) {
        retained_soft_reset();
    }
    control_event_boot();
    if (!again) {
        net_start(); /* net_up() reports a failure */
        heap_limit_set(cmdline_number("heap", UINT32_MAX));
    }
    again = true;
    gc_figures_ready(true);
    network_task_release();
}

/* A step of the port's soft reset, while MicroPython is still intact. */
void __real_mp_thread_deinit(void);
void __wrap_mp_thread_deinit(void);
void __wrap_mp_thread_deinit(void) {
    control_python_reset();
    gc_figures_ready(false);
    __real_mp_thread_deinit();
}

void stdin_waits(bool waiting) { control_python_in_readline(waiting); }

/* boot.py runs right after the frozen _boot.py. _main.py runs main.py or the default application.
 */
int __real_pyexec_file_if_exists(const char *name);
int __wrap_pyexec_file_if_exists(const char *name);
int __wrap_pyexec_file_if_exists(const char *name) {
    control_python_open();
    if (strcmp(name, "main.py") != 0) {
        return __real_pyexec_file_if_exists(name);
    }
    return cmdline_number("main", 1) != 0 ? pyexec_frozen_module("_main.py", true) : 1;
}

/* ---- MicroPython's heap ---- */

/* The port lets it grow into all of the chip's memory, leaving none to the servers. Limit it to
 * gcheap= of the boot arguments. */
size_t __real_gc_get_max_new_split(void);
size_t __wrap_gc_get_max_new_split(void);
size_t __wrap_gc_get_max_new_split(void) {
    size_t total = 0; /* not from gc_info(), which calls this function */
    for (mp_state_mem_area_t *area = &MP_STATE_MEM(area); area != NULL; area = area->next) {
        total += area->gc_pool_end - area->gc_pool_start;
    }
    size_t limit = cmdline_number("gcheap", MICROPY_GC_INITIAL_HEAP_SIZE);
    size_t left = total < limit ? limit - total : 0;
    size_t largest = __real_gc_get_max_new_split();
    return left < largest ? left : largest;
}

size_t bench_net_stack_low_water(void) { return network_task_stack_low_water(); }

const char *bench_stack_end(void) { return (const char *)pxTaskGetStackStart(NULL); }

void bench_abort(void) { abort(); }

void bench_hang(void) {
    static portMUX_TYPE lock = portMUX_INITIALIZER_UNLOCKED;
    portENTER_CRITICAL(&lock);
    for (;;) {
    }
}

size_t bench_main_stack_low_water(void) {
    return mp_main_task_handle != NULL ? uxTaskGetStackHighWaterMark(mp_main_task_handle) : 0;
}
