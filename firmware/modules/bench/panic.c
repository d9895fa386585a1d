/* SPDX-License-Identifier: MIT */
#include "panic.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "port.h"
#include "py/mphal.h"

/* The stacks are checked when threads are switched. */
#define LOOKED_AT_AFTER_MS 20

void bench_panic_exception(void) {
    /* Volatile, so that the compiler does not know the address. */
    static volatile uintptr_t nowhere = 16;
    (void)*(volatile uint32_t *)nowhere;
}

/* One array from here to the stack's end, as recursion leaves gaps between its arrays. */
static void overrun_stack(void) {
    char here;
    size_t size = (size_t)(&here - bench_stack_end());
    volatile char rest[size];
    for (size_t i = 0; i < size; i++) {
        rest[i] = 0;
    }
    (void)rest;
    mp_hal_delay_ms(LOOKED_AT_AFTER_MS);
}

static const struct {
    const char *name;
    void (*provoke)(void);
} kinds[] = {
    {"exception", bench_panic_exception},
    {"abort", bench_abort},
    {"stack", overrun_stack},
    {"hang", bench_hang},
};

bool bench_panic_kind(const char *kind) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kind, kinds[i].name) == 0) {
            kinds[i].provoke();
            return true;
        }
    }
    return false;
}
