/* SPDX-License-Identifier: MIT */
#include "control_python.h"

#include <stdio.h>
#include <string.h>

#include "board.h"
#include "console.h"
#include "control.h"
#include "py/compile.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/objexcept.h"
#include "py/runtime.h"
#include "shared/runtime/interrupt_char.h"
#include "webserver/text/base64.h"

/* The size of the longest request, decoded. */
#ifndef CONTROL_SOURCE_BYTES
#define CONTROL_SOURCE_BYTES (48 * 1024)
#endif

/* Outside of MicroPython's heap, so that a full heap still runs a short line. */
static unsigned char source[CONTROL_SOURCE_BYTES];
static size_t source_length;

static uint32_t pending_id;
static volatile bool pending; /* the control channel may run in another thread */
static bool pending_value;
static bool in_readline;
static bool opened;

static mp_sched_node_t node;

void control_python_in_readline(bool waiting) { in_readline = waiting; }

static void print_escaped(void *data, const char *text, size_t length) {
    (void)data;
    control_escaped(text, length);
}

static const mp_print_t escaped_print = {NULL, print_escaped};

static void record_text(const char *text) { console_record_piece(text, strlen(text)); }

/* {"id":n,"ok":false,"error":"ValueError: text","traceback":"..."}; needs no heap. */
static void answer_exception(uint32_t id, mp_obj_base_t *exception) {
    console_record_begin();
    char head[40];
    int length = snprintf(head, sizeof(head), "{\"id\":%u,\"ok\":false,\"error\":\"", (unsigned)id);
    console_record_piece(head, length);
    mp_obj_t object = MP_OBJ_FROM_PTR(exception);
    mp_print_str(&escaped_print, qstr_str(exception->type->name));
    mp_print_str(&escaped_print, ": ");
    mp_obj_print_helper(&escaped_print, object, PRINT_STR);
    record_text("\",\"traceback\":\"");
    mp_obj_print_exception(&escaped_print, object);
    record_text("\"}");
    console_record_end();
}

/* machine.soft_reset() and sys.exit() raise SystemExit: leave the running program or the REPL as if
 * they had raised it. */
static void leave_program(void) {
    if (in_readline) {
        console_inject("\x03\x04");
    } else {
        mp_sched_exception(mp_obj_new_exception(&mp_type_SystemExit));
    }
}

static mp_obj_t run_source(bool want_value) {
    mp_lexer_t *lexer =
        mp_lexer_new_from_str_len(MP_QSTR__lt_stdin_gt_, (const char *)source, source_length, 0);
    mp_parse_tree_t tree = mp_parse(lexer, want_value ? MP_PARSE_EVAL_INPUT : MP_PARSE_FILE_INPUT);
    mp_obj_t function = mp_compile(&tree, MP_QSTR__lt_stdin_gt_, false);
    return mp_call_function_0(function);
}

/* Converts a value to JSON, using frozen module _control. */
static mp_obj_t value_json(mp_obj_t value) {
    mp_obj_t module = mp_import_name(MP_QSTR__control, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
    return mp_call_function_1(mp_load_attr(module, MP_QSTR_value_json), value);
}

/* Called before the answer is sent, as the next request may follow it immediately. */
static void finish(void) {
    mp_sched_lock(); /* first: schedule() checks the lock */
    pending = false;
}

static void run(mp_sched_node_t *unused) {
    (void)unused;
    uint32_t id = pending_id;
    bool want_value = pending_value;
    mp_obj_dict_t *globals = mp_globals_get();
    mp_obj_dict_t *locals = mp_locals_get();
    int interrupt_char = mp_interrupt_char;
    bool readline = in_readline;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_globals_set(&MP_STATE_VM(dict_main));
        mp_locals_set(&MP_STATE_VM(dict_main));
        in_readline = false;
        mp_hal_set_interrupt_char('\x03');
        /* This is a program, not a short callback: other callbacks may run meanwhile, and Ctrl-C
         * ends it. The scheduler took its lock before it called us. */
        mp_sched_unlock();
        mp_obj_t value = run_source(want_value);
        const char *json = want_value ? mp_obj_str_get_str(value_json(value)) : NULL;
        finish();
        control_answer(id, json);
        nlr_pop();
    } else if (mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(((mp_obj_base_t *)nlr.ret_val)->type),
                                       MP_OBJ_FROM_PTR(&mp_type_SystemExit))) {
        finish();
        control_answer(id, NULL);
        in_readline = readline;
        leave_program();
    } else {
        finish();
        answer_exception(id, nlr.ret_val);
    }
    in_readline = readline;
    mp_hal_set_interrupt_char(interrupt_char);
    mp_globals_set(globals);
    mp_locals_set(locals);
}

static mp_obj_t schedule_node(mp_obj_t unused) {
    mp_sched_schedule_node(&node, run);
    return unused;
}
static MP_DEFINE_CONST_FUN_OBJ_1(schedule_node_obj, schedule_node);

/* The scheduler runs nodes until none is left: a host that sends the next request as soon as it has
 * an answer would keep it busy forever and stall the program. After the nodes, the scheduler runs
 * one entry of its queue before the program goes on. So while it is running, schedule the next node
 * from that queue, which the program shares and may have filled. */
static bool schedule(void) {
    bool runs = MP_STATE_VM(sched_state) <= MP_SCHED_LOCKED;
    return (runs && mp_sched_schedule(MP_OBJ_FROM_PTR(&schedule_node_obj), mp_const_none)) ||
           mp_sched_schedule_node(&node, run);
}

void control_python_request(uint32_t id, const char *base64, bool want_value) {
    if (pending) {
        control_error(id, "MicroPython is still running the previous request: wait for its "
                          "answer, or send Ctrl-C on the console");
        return;
    }
    int length = base64_decode(base64, strlen(base64), source, sizeof(source));
    if (length < 0) {
        char text[64];
        snprintf(text, sizeof(text), "the source is longer than %u bytes: send it in parts",
                 (unsigned)sizeof(source));
        control_error(id, length == BASE64_TOO_LONG ? text : "the source is not base64");
        return;
    }
    source_length = length;
    pending_id = id;
    pending_value = want_value;
    mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION();
    pending = true;
    bool now = opened;
    MICROPY_END_ATOMIC_SECTION(state);
    if (now && !schedule()) {
        pending = false;
        control_error(id, "MicroPython's scheduler refused the request");
    }
}

void control_python_open(void) {
    mp_uint_t state = MICROPY_BEGIN_ATOMIC_SECTION();
    opened = true;
    bool waiting = pending;
    MICROPY_END_ATOMIC_SECTION(state);
    if (waiting) {
        mp_sched_schedule_node(&node, run);
    }
}

void control_python_reset(void) {
    opened = false;
    if (pending) {
        pending = false;
        control_error(pending_id, "MicroPython was reset before the request finished");
    }
    memset(&node, 0, sizeof(node));
}
