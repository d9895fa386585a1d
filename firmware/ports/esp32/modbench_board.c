/* SPDX-License-Identifier: MIT */
/* Module bench_board, for the frozen start-up code: the boot arguments, the block device, and the
 * classes for module network. */
#include <string.h>

#include "cmdline.h"
#include "flash_device.h"
#include "network_lan.h"
#include "network_wlan.h"
#include "py/runtime.h"

/* argument(name) -> the value of name=value in the boot arguments, or None */
static mp_obj_t bench_board_argument(mp_obj_t name) {
    size_t length;
    const char *value = cmdline_text(mp_obj_str_get_str(name), &length);
    return value == NULL ? mp_const_none : mp_obj_new_str(value, length);
}
static MP_DEFINE_CONST_FUN_OBJ_1(bench_board_argument_obj, bench_board_argument);

static const mp_rom_map_elem_t bench_board_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_bench_board)},
    {MP_ROM_QSTR(MP_QSTR_argument), MP_ROM_PTR(&bench_board_argument_obj)},
    {MP_ROM_QSTR(MP_QSTR_Flash), MP_ROM_PTR(&flash_device_type)},
#include "modnetwork_port.h"
};
static MP_DEFINE_CONST_DICT(bench_board_globals, bench_board_globals_table);

const mp_obj_module_t bench_board_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&bench_board_globals,
};

MP_REGISTER_MODULE(MP_QSTR_bench_board, bench_board_module);
