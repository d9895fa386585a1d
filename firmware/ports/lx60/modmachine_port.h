/* SPDX-License-Identifier: MIT */
/* Included by extmod/modmachine.c. */
#include "bench/json.h"
#include "clock.h"
#include "retained.h"

/* The values of the esp32 port. */
enum { MP_PWRON_RESET = 1, MP_HARD_RESET, MP_WDT_RESET, MP_DEEPSLEEP_RESET, MP_SOFT_RESET };

#define MICROPY_PY_MACHINE_EXTRA_GLOBALS                                                           \
    {MP_ROM_QSTR(MP_QSTR_PWRON_RESET), MP_ROM_INT(MP_PWRON_RESET)},                                \
        {MP_ROM_QSTR(MP_QSTR_HARD_RESET), MP_ROM_INT(MP_HARD_RESET)},                              \
        {MP_ROM_QSTR(MP_QSTR_WDT_RESET), MP_ROM_INT(MP_WDT_RESET)},                                \
        {MP_ROM_QSTR(MP_QSTR_DEEPSLEEP_RESET), MP_ROM_INT(MP_DEEPSLEEP_RESET)},                    \
        {MP_ROM_QSTR(MP_QSTR_SOFT_RESET), MP_ROM_INT(MP_SOFT_RESET)},

/* The default MAC address of QEMU's first NIC. */
static mp_obj_t mp_machine_unique_id(void) {
    static const byte id[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    return mp_obj_new_bytes(id, sizeof(id));
}

NORETURN static void mp_machine_reset(void) { board_reset(RESET_HARD); }

/* A panic counts as a hard reset, as on the esp32 port. */
static mp_int_t mp_machine_reset_cause(void) {
    switch (retained_cause()) {
    case RESET_POWER_ON:
        return MP_PWRON_RESET;
    case RESET_SOFT:
        return MP_SOFT_RESET;
    default:
        return MP_HARD_RESET;
    }
}

static mp_obj_t mp_machine_get_freq(void) { return mp_obj_new_int(clock_frequency()); }

static void mp_machine_set_freq(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    mp_raise_ValueError(MP_ERROR_TEXT("the frequency of this board is fixed"));
}

static void mp_machine_idle(void) { board_wait_event(1000); }

static void mp_machine_lightsleep(size_t n_args, const mp_obj_t *args) {
    mp_hal_delay_ms(n_args > 0 ? mp_obj_get_int(args[0]) : 0);
}

NORETURN static void mp_machine_deepsleep(size_t n_args, const mp_obj_t *args) {
    (void)n_args;
    (void)args;
    mp_raise_NotImplementedError(MP_ERROR_TEXT("this board has no deep sleep"));
}
