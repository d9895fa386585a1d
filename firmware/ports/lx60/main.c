/* SPDX-License-Identifier: MIT */
/* Start of the board, and the loop of MicroPython's soft resets. */
#include <stdio.h>
#include <string.h>

#include "bench/port.h"
#include "board.h"
#include "boot_tags.h"
#include "clock.h"
#include "cmdline.h"
#include "control.h"
#include "control_python.h"
#include "entropy.h"
#include "gc_figures.h"
#include "memory.h"
#include "net.h"
#include "net_heap_init.h"
#include "panic.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stackctrl.h"
#include "retained.h"
#include "shared/runtime/gchelper.h"
#include "shared/runtime/pyexec.h"
#include "uart.h"

/* From firmware/modules/webserver, which the firmware may be built without. */
void server_soft_reset(void) __attribute__((weak));

const char lx60_help_text[] =
    "espbench lx60: MicroPython on an emulated LX106.\n"
    "\n"
    "Servers:     from esp32 import httpserver, wsserver, webrepl\n"
    "Memory:      import bench; bench.heap(), bench.ballast(n), bench.fail_alloc(n)\n"
    "Network:     import network; network.LAN().ifconfig(), or network.WLAN()\n"
    "Control-C interrupts a program, Control-D resets MicroPython.\n";

size_t bench_net_stack_low_water(void) { return memory_net_stack_low_water(); }

size_t bench_main_stack_low_water(void) { return memory_main_stack_low_water(); }

const char *bench_stack_end(void) { return memory_stack_end((uint32_t)__builtin_frame_address(0)); }

void bench_abort(void) { panic_abort(); }

void bench_hang(void) {
    __asm__ volatile("rsil a2, 15" ::: "a2", "memory");
    for (;;) {
    }
}

static void warn(const char *text) { board_console_write(text, strlen(text)); }

static void start_board(const void *tags) {
    boot_tags_read(tags);
    retained_init();
    clock_init();
    uart_init();
    memory_init();
    net_heap_init();
    control_event_boot();
    if (!entropy_init()) {
        warn("no seed= on the command line: TLS keys are predictable\n");
    }
    net_init();
    board_poll();
}

static void start_micropython(void) {
    size_t size;
    char *heap = memory_gc_heap(&size);
    mp_stack_set_top(memory_main_stack_top());
    mp_stack_set_limit(memory_main_stack_limit());
    gc_init(heap, heap + size);
    gc_figures_ready(true);
    mp_init();
}

static void stop_micropython(void) {
    if (server_soft_reset != NULL) {
        server_soft_reset();
    }
    control_python_reset();
    gc_sweep_all();
    gc_figures_ready(false);
    mp_deinit();
}

static void run_micropython(void) {
    int status = pyexec_frozen_module("_boot.py", false);
    control_python_open();
    if (!(status & PYEXEC_FORCED_EXIT) && cmdline_number("main", 1) != 0) {
        status = pyexec_frozen_module("_main.py", true);
    }
    while (!(status & PYEXEC_FORCED_EXIT)) {
        status =
            pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? pyexec_raw_repl() : pyexec_friendly_repl();
    }
}

void board_main(const void *tags) {
    start_board(tags);
    for (;;) {
        start_micropython();
        run_micropython();
        warn("MPY: soft reboot\n");
        stop_micropython();
        retained_soft_reset();
        control_event_boot();
    }
}

void gc_collect(void) {
    gc_collect_start();
    gc_helper_collect_regs_and_stack();
    gc_collect_end();
}

void nlr_jump_fail(void *value) {
    panic_message("assert failed: nlr_jump_fail (exception %p without a handler)", value);
}

/* assert() of the C library */
void __assert_func(const char *file, int line, const char *function, const char *expression) {
    const char *name = strrchr(file, '/');
    panic_message("assert failed: %s %s:%d (%s)", function != NULL ? function : "?",
                  name != NULL ? name + 1 : file, line, expression);
}

/* abort() and exit() of the C library end here */
void _exit(int status) { panic_message("exit(%d) was called", status); }

/* printf() writes to the console. */
static int put(char c, FILE *file) {
    (void)file;
    board_console_write(&c, 1);
    return (unsigned char)c;
}

static FILE console_file = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console_file;
FILE *const stderr = &console_file;
FILE *const stdin = &console_file;
