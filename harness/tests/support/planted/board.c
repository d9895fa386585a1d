/* SPDX-License-Identifier: MIT */
/* Start, main loop and console of a firmware without MicroPython. */
#include "board.h"

#include <stdio.h>
#include <string.h>

#include "bench/cycles.h"
#include "bench/faults.h"
#include "boot_tags.h"
#include "clock.h"
#include "entropy.h"
#include "faults.h"
#include "memory.h"
#include "net.h"
#include "net_heap_init.h"
#include "panic.h"
#include "registers.h"
#include "retained.h"
#include "server.h"
#include "uart.h"

char mod_network_hostname_data[] = "webserver";

/* ---- what the port's objects ask for ---- */

/* Our host has no control channel. */
void control_event(const char *json) { (void)json; }

bool alloc_faults_hit(void) { return false; }

void bench_work_start(uint32_t frequency) { (void)frequency; }
void bench_work_sleep(void) {}
void bench_work_wake(void) {}
void bench_work_frame(const uint8_t *frame, size_t length) {
    (void)frame;
    (void)length;
}

void __assert_func(const char *file, int line, const char *function, const char *expression) {
    panic_message("assert failed: %s %s:%d (%s)", function != NULL ? function : "?", file, line,
                  expression);
}

void _exit(int status) { panic_message("exit(%d) was called", status); }

/* ---- console ---- */

void board_console_write(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++) {
        uart_write(text[i] == '\n' ? "\r\n" : &text[i], text[i] == '\n' ? 2 : 1);
    }
}

static int put(char c, FILE *file) {
    (void)file;
    board_console_write(&c, 1);
    return (unsigned char)c;
}

static FILE console_file = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console_file;
FILE *const stderr = &console_file;

/* ---- network ---- */

/* Called by net.c in each round, on the network's stack. */
static bool again;
static bool started;

void transport_poll(void);
uint32_t transport_wait_us(void);

void transport_poll(void) {
    if (!started && net_is_up()) {
        started = true;
        if (server_start()) {
            printf("server up\n");
        } else {
            panic_message("the servers did not start");
        }
    }
    again = server_poll();
}

uint32_t transport_wait_us(void) { return again ? 0 : server_wait_ms() * 1000; }

static void wait_for_work(void) {
    while (uart_readable()) {
        uart_read();
    }
    clock_unmask(LX60_INT_TIMER | LX60_INT_ETHERNET | LX60_INT_UART);
    uint32_t wait = net_wait_us();
    if (wait > 0) {
        clock_alarm(wait);
        clock_sleep();
    }
}

static void start_board(const void *tags) {
    boot_tags_read(tags);
    retained_init();
    clock_init();
    uart_init();
    memory_init();
    net_heap_init();
    entropy_init();
    printf("web server 1.0\n");
}

void board_main(const void *tags);

void board_main(const void *tags) {
    start_board(tags);
    if (FAULT(PANICS_AT_FIRST_BOOT) && retained_cause() == RESET_POWER_ON) {
        panic_abort();
    }
    net_init();
    if (!net_up(false)) {
        panic_message("no network");
    }
    if (FAULT(STAYS_DOWN_AFTER_RESET) && retained_cause() == RESET_HARD) {
        printf("waiting for a time server\n");
        started = true;
    }
    for (;;) {
        board_events = 0;
        panic_check_stacks();
        if (!net_poll()) {
            wait_for_work();
        }
    }
}
