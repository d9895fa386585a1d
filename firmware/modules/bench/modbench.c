/* SPDX-License-Identifier: MIT */
/* Module bench: memory figures and fault injection for tests. */
#include <string.h>

#include "ballast.h"
#include "faults.h"
#include "json.h"
#include "panic.h"
#include "port.h"
#include "py/runtime.h"
#include "webserver/net_heap.h"

static mp_obj_t number(size_t value) { return mp_obj_new_int_from_uint(value); }

/* bench.heap() -> dict of bytes: size, free, low_water, largest, ballast, gc_size, gc_free,
 * net_stack_low_water, main_stack_low_water; and the number of blocks. */
static mp_obj_t bench_heap(void) {
    net_heap_figures_t net = net_heap_figures();
    bench_gc_figures_t gc = bench_gc_figures();
    mp_obj_t dict = mp_obj_new_dict(10);
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_size), number(net.size));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_free), number(net.free));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_low_water), number(net.low_water));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_largest), number(net.largest));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_blocks), number(net.blocks));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_ballast), number(ballast_held()));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_gc_size), number(gc.size));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_gc_free), number(gc.free));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_net_stack_low_water),
                      number(bench_net_stack_low_water()));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_main_stack_low_water),
                      number(bench_main_stack_low_water()));
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_0(bench_heap_obj, bench_heap);

static size_t not_negative(mp_obj_t object) {
    mp_int_t value = mp_obj_get_int(object);
    if (value < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("must not be negative"));
    }
    return value;
}

/* bench.ballast(n=None) -> bytes held; None only queries. */
static mp_obj_t bench_ballast(size_t n_args, const mp_obj_t *args) {
    if (n_args == 0 || args[0] == mp_const_none) {
        return number(ballast_held());
    }
    return number(ballast_set(not_negative(args[0])));
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(bench_ballast_obj, 0, 1, bench_ballast);

/* bench.fail_alloc(n, persistent=False): see faults.h. */
static mp_obj_t bench_fail_alloc(size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_n, ARG_persistent };
    static const mp_arg_t allowed[] = {
        {MP_QSTR_n, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_persistent, MP_ARG_BOOL, {.u_bool = false}},
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    alloc_faults_arm(not_negative(args[ARG_n].u_obj), args[ARG_persistent].u_bool);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(bench_fail_alloc_obj, 1, bench_fail_alloc);

/* bench.stats() -> dict: the same as the control channel's. */
static mp_obj_t bench_stats(void) {
    vstr_t json;
    vstr_init_len(&json, BENCH_STATS_BYTES);
    bench_stats_json(json.buf, BENCH_STATS_BYTES);
    json.len = strlen(json.buf);
    mp_obj_t module = mp_import_name(MP_QSTR_json, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
    return mp_call_function_1(mp_load_attr(module, MP_QSTR_loads), mp_obj_new_str_from_vstr(&json));
}
static MP_DEFINE_CONST_FUN_OBJ_0(bench_stats_obj, bench_stats);

/* bench.panic(kind="exception"): see panic.h. */
static mp_obj_t bench_panic(size_t n_args, const mp_obj_t *args) {
    if (!bench_panic_kind(n_args > 0 ? mp_obj_str_get_str(args[0]) : "exception")) {
        mp_raise_ValueError(MP_ERROR_TEXT("kind must be exception, abort, stack or hang"));
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(bench_panic_obj, 0, 1, bench_panic);

static const mp_rom_map_elem_t bench_globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_bench)},
    {MP_ROM_QSTR(MP_QSTR_heap), MP_ROM_PTR(&bench_heap_obj)},
    {MP_ROM_QSTR(MP_QSTR_ballast), MP_ROM_PTR(&bench_ballast_obj)},
    {MP_ROM_QSTR(MP_QSTR_fail_alloc), MP_ROM_PTR(&bench_fail_alloc_obj)},
    {MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&bench_stats_obj)},
    {MP_ROM_QSTR(MP_QSTR_panic), MP_ROM_PTR(&bench_panic_obj)},
};
static MP_DEFINE_CONST_DICT(bench_globals, bench_globals_table);

const mp_obj_module_t bench_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&bench_globals,
};

MP_REGISTER_MODULE(MP_QSTR_bench, bench_module);
