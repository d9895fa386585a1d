/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include "bench/cycles.h"
#include "board.h"
#include "registers.h"
#include "retained.h"

/* CCOMPARE matches on equality: a target must be ahead by more than the instructions between
 * reading the counter and writing the comparator, or it would only match 2^32 cycles later. */
#define ALARM_MARGIN_CYCLES 200

volatile uint32_t board_events;

/* Division by multiplication: this core divides in a loop that takes longer for larger numbers, so
 * the cost of a request would depend on the uptime. */
typedef struct {
    uint32_t divisor, reciprocal; /* 2^32 / divisor */
    uint32_t rest;                /* remainder so far, less than the divisor */
} divider_t;

static divider_t cycles_to_us, us_to_ms;
static uint32_t last_cycles;
static uint64_t now_us;
static uint32_t now_ms;

static uint32_t counted_until; /* the counter when bench_work was last updated */

static divider_t divider(uint32_t divisor) {
    return (divider_t){.divisor = divisor, .reciprocal = (uint32_t)((1ull << 32) / divisor)};
}

/* Adds to the dividend; returns the whole units that this completes. */
static uint32_t divider_add(divider_t *divider, uint32_t amount) {
    uint32_t units =
        (uint64_t)amount * divider->reciprocal >> 32; /* or one less than the quotient */
    divider->rest += amount - units * divider->divisor;
    while (divider->rest >= divider->divisor) {
        divider->rest -= divider->divisor;
        units++;
    }
    return units;
}

uint32_t clock_cycles(void) {
    uint32_t cycles;
    __asm__ volatile("rsr %0, ccount" : "=a"(cycles));
    return cycles;
}

uint32_t clock_frequency(void) { return cycles_to_us.divisor * 1000000; }

void clock_init(void) {
    uint32_t mhz = register_read(LX60_FPGA_FREQUENCY) / 1000000;
    cycles_to_us = divider(mhz > 0 ? mhz : 40);
    us_to_ms = divider(1000);
    last_cycles = clock_cycles();
    /* At power-on QEMU has counted since its clock started; a reset does not clear the counter. */
    now_us = retained_cause() == RESET_POWER_ON ? divider_add(&cycles_to_us, last_cycles) : 0;
    now_ms = divider_add(&us_to_ms, (uint32_t)now_us);
    counted_until = last_cycles;
    bench_work_start(clock_frequency());
}

/* Must be called at least once in 2^32 cycles (107 s at 40 MHz): board_wait_event() wakes up more
 * often than that. */
uint64_t board_us(void) {
    uint32_t cycles = clock_cycles();
    uint32_t delta = cycles - last_cycles;
    last_cycles = cycles;
    uint32_t us = divider_add(&cycles_to_us, delta);
    now_us += us;
    now_ms += divider_add(&us_to_ms, us);
    return now_us;
}

uint32_t board_clock(void) { return 0; /* time begins at 0 with each reset */ }

uint32_t clock_ms(void) {
    board_us();
    return now_ms;
}

/* Must be called at least once in 2^32 cycles of work: it is called before each sleep. */
uint32_t bench_work_cycles(void) {
    uint32_t cycles = clock_cycles(), worked = cycles - counted_until;
    counted_until = cycles;
    return worked;
}

void clock_alarm(uint32_t us) {
    uint32_t start = clock_cycles();
    uint32_t target = start + us * cycles_to_us.divisor + ALARM_MARGIN_CYCLES;
    __asm__ volatile("wsr %0, ccompare0; esync" ::"a"(target));
    /* set too late to match: record the event in software */
    if (clock_cycles() - start >= target - start) {
        uint32_t ps;
        __asm__ volatile("rsil %0, 1" : "=a"(ps)::"memory");
        board_events |= LX60_INT_TIMER;
        __asm__ volatile("wsr %0, ps; rsync" ::"a"(ps) : "memory");
    }
}

void clock_unmask(uint32_t lines) {
    uint32_t ps, mask;
    __asm__ volatile("rsil %0, 1" : "=a"(ps)::"memory");
    __asm__ volatile("rsr %0, intenable" : "=a"(mask));
    __asm__ volatile("wsr %0, intenable; rsync" ::"a"(mask | lines));
    __asm__ volatile("wsr %0, ps; rsync" ::"a"(ps) : "memory");
}

void clock_sleep(void) {
    uint32_t ps;
    /* An interrupt between the check and waiti must not be lost: keep interrupts masked until
     * waiti, which atomically unmasks them and sleeps. */
    __asm__ volatile("rsil %0, 1" : "=a"(ps)::"memory");
    if (board_events == 0) {
        bench_work_sleep();
        __asm__ volatile("waiti 0" ::: "memory");
        counted_until = clock_cycles();
        bench_work_wake();
    }
    __asm__ volatile("wsr %0, ps; rsync" ::"a"(ps) : "memory");
}
