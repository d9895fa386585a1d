/* SPDX-License-Identifier: MIT */
#include "retained.h"

#include "registers.h"

#define MAGIC 0x62656e63

typedef struct {
    uint32_t magic;
    uint32_t starts;
    uint32_t next_cause; /* a reset_cause_t, and its complement */
    uint32_t next_cause_check;
} retained_t;

extern retained_t _retained; /* from the linker script */

static reset_cause_t cause;

void retained_init(void) {
    retained_t *kept = &_retained;
    if (kept->magic != MAGIC) {
        kept->magic = MAGIC;
        kept->starts = 0;
        cause = RESET_POWER_ON;
    } else {
        kept->starts++;
        /* without a recorded cause it was a reset from outside: QEMU's system_reset */
        cause = kept->next_cause_check == ~kept->next_cause && kept->next_cause == RESET_PANIC
                    ? RESET_PANIC
                    : RESET_HARD;
    }
    kept->next_cause = RESET_HARD;
    kept->next_cause_check = ~kept->next_cause;
}

void retained_soft_reset(void) { cause = RESET_SOFT; }

reset_cause_t retained_cause(void) { return cause; }

const char *retained_cause_name(void) {
    static const char *const names[] = {
        [RESET_POWER_ON] = "power_on",
        [RESET_HARD] = "hard_reset",
        [RESET_PANIC] = "panic",
        [RESET_SOFT] = "soft",
    };
    return names[cause];
}

uint32_t retained_starts(void) { return _retained.starts; }

void board_reset(reset_cause_t next) {
    _retained.next_cause = next;
    _retained.next_cause_check = ~_retained.next_cause;
    register_write(LX60_FPGA_RESET, LX60_FPGA_RESET_KEY);
    for (;;) {
    }
}
