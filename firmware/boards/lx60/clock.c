#include "clock.h"

#include "board.h"
#include "registers.h"
#include "retained.h"

/* CCOMPARE matches on equality: a target must be ahead by more than the instructions between
 * reading the counter and writing the comparator, or it would only match 2^32 cycles later. */
#define ALARM_MARGIN_CYCLES 200

volatile uint32_t board_events;

static uint32_t cycles_per_us = 40;
static uint32_t last_cycles;
static uint32_t spare_cycles; /* that did not fill a microsecond */
static uint64_t now_us;

uint32_t clock_cycles(void) {
    uint32_t cycles;
    __asm__ volatile("rsr %0, ccount" : "=a"(cycles));
    return cycles;
}

uint32_t clock_frequency(void) { return cycles_per_us * 1000000; }

void clock_init(void) {
    uint32_t mhz = register_read(LX60_FPGA_FREQUENCY) / 1000000;
    if (mhz > 0) {
        cycles_per_us = mhz;
    }
    last_cycles = clock_cycles();
    /* At power-on QEMU has counted since its clock started; a reset does not clear the counter. */
    now_us = retained_cause() == RESET_POWER_ON ? last_cycles / cycles_per_us : 0;
}

/* Must be called at least once in 2^32 cycles (107 s at 40 MHz): board_wait_event() wakes up more
 * often than that. */
uint64_t board_us(void) {
    uint32_t cycles = clock_cycles();
    uint32_t delta = cycles - last_cycles;
    last_cycles = cycles;
    spare_cycles += delta % cycles_per_us;
    now_us += delta / cycles_per_us;
    if (spare_cycles >= cycles_per_us) {
        spare_cycles -= cycles_per_us;
        now_us++;
    }
    return now_us;
}

void clock_alarm(uint32_t us) {
    uint32_t start = clock_cycles();
    uint32_t target = start + us * cycles_per_us + ALARM_MARGIN_CYCLES;
    __asm__ volatile("wsr %0, ccompare0; esync" ::"a"(target));
    /* written too late to match: note the event ourselves */
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
    /* An interrupt between the check and waiti must not be lost: masked until waiti, which opens
     * the level and sleeps in one step. */
    __asm__ volatile("rsil %0, 1" : "=a"(ps)::"memory");
    if (board_events == 0) {
        __asm__ volatile("waiti 0" ::: "memory");
    }
    __asm__ volatile("wsr %0, ps; rsync" ::"a"(ps) : "memory");
}
