/* webrepl: a REPL on a WebSocket endpoint, in MicroPython's own protocol. One session at a time. */
#include <stdio.h>
#include <string.h>

#include "httpserver.h"
#include "py/compile.h"
#include "py/mperrno.h"
#include "py/repl.h"
#include "py/runtime.h"
#include "py/unicode.h"
#include "server_port.h"
#include "webrepl_line.h"
#include "webrepl_output.h"
#include "ws_frame.h"

#define PASSWORD_MAX 64
#define MAX_MESSAGE 16384

static char password[PASSWORD_MAX + 1], path[64];
static transport_client_t session;
static bool logged_in;
static webrepl_line_t line;

/* A statement of several lines: what was typed so far. */
MP_REGISTER_ROOT_POINTER(mp_obj_t webrepl_block);

static void forget_session(void) {
    session = 0;
    logged_in = false;
    memset(&line, 0, sizeof line); /* it may hold a password */
    MP_STATE_VM(webrepl_block) = MP_OBJ_NULL;
    webrepl_output_to(0);
}

static void open_session(transport_client_t client) {
    if (session && transport_ws_open(session)) {
        static const char busy[] = "\r\nWebREPL is in use by another client\r\n";
        transport_ws_send(client, true, busy, sizeof busy - 1);
        transport_ws_close(client, WS_CODE_TRY_LATER, "in use by another client");
        return;
    }
    forget_session();
    session = client;
    webrepl_output_to(client);
    webrepl_output_text("Password: ");
    webrepl_output_flush();
}

static void check_password(void) {
    bool equal = webrepl_password_equal(line.text, line.length, password);
    memset(line.text, 0, sizeof line.text);
    webrepl_line_clear(&line);
    if (equal) {
        logged_in = true;
        webrepl_output_text("\r\nWebREPL connected\r\n>>> ");
        webrepl_output_flush();
        return;
    }
    webrepl_output_text("\r\nAccess denied\r\n");
    webrepl_output_flush();
    transport_ws_close(session, WS_CODE_POLICY, "access denied");
    forget_session();
}

/* Runs one statement as the REPL does: an expression's value is printed. */
static void run_statement(mp_obj_t source) {
    webrepl_output_capture(true);
    nlr_buf_t nlr;
    void *raise = NULL;
    if (nlr_push(&nlr) == 0) {
        size_t length;
        const char *text = mp_obj_str_get_data(source, &length);
        mp_lexer_t *lexer = mp_lexer_new_from_str_len(MP_QSTR__lt_stdin_gt_, text, length, 0);
        qstr name = lexer->source_name;
        mp_parse_tree_t tree = mp_parse(lexer, MP_PARSE_SINGLE_INPUT);
        mp_obj_t code = mp_compile(&tree, name, true);
        mp_call_function_0(code);
        mp_handle_pending(true);
        nlr_pop();
    } else {
        mp_obj_t exception = MP_OBJ_FROM_PTR(nlr.ret_val);
        mp_obj_t type = MP_OBJ_FROM_PTR(mp_obj_get_type(exception));
        if (mp_obj_is_subclass_fast(type, MP_OBJ_FROM_PTR(&mp_type_SystemExit))) {
            raise = nlr.ret_val;
        } else {
            mp_obj_print_exception(&mp_plat_print, exception);
        }
    }
    webrepl_output_capture(false);
    if (raise) {
        nlr_raise(MP_OBJ_FROM_PTR(raise));
    }
}

static void enter(void) {
    mp_obj_t source = mp_obj_new_str(line.text, line.length);
    webrepl_line_clear(&line);
    webrepl_output_text("\r\n");
    if (MP_STATE_VM(webrepl_block) != MP_OBJ_NULL) {
        source =
            mp_binary_op(MP_BINARY_OP_ADD, MP_STATE_VM(webrepl_block),
                         mp_binary_op(MP_BINARY_OP_ADD, MP_OBJ_NEW_QSTR(MP_QSTR__0x0a_), source));
    }
    if (mp_repl_continue_with_input(mp_obj_str_get_str(source))) {
        MP_STATE_VM(webrepl_block) = source;
        webrepl_output_text("... ");
        return;
    }
    MP_STATE_VM(webrepl_block) = MP_OBJ_NULL;
    run_statement(source);
    webrepl_output_text(">>> ");
}

static void typed(char c) {
    switch (webrepl_line_feed(&line, c)) {
    case LINE_MORE:
        if (logged_in) {
            webrepl_output(&c, 1);
        }
        break;
    case LINE_ERASED:
        webrepl_output_text("\b \b");
        break;
    case LINE_ENTER:
        if (logged_in) {
            enter();
        } else {
            check_password();
        }
        break;
    case LINE_INTERRUPT:
        MP_STATE_VM(webrepl_block) = MP_OBJ_NULL;
        webrepl_output_text(logged_in ? "\r\n>>> " : "\r\nPassword: ");
        break;
    default:
        break;
    }
}

static void run(const server_item_t *item) {
    if (item->kind == ITEM_CONNECT) {
        open_session(item->client);
    } else if (item->client != session) {
        return; /* of a client that was refused */
    } else if (item->kind == ITEM_DISCONNECT) {
        forget_session();
    } else if (!item->text) {
        /* Binary frames are file transfers (issue 3): refused, not misread. */
        transport_ws_close(session, 1003, "text frames only");
    } else {
        for (size_t i = 0; i < item->length && item->client == session; i++) {
            typed((char)item->data[i]);
        }
        webrepl_output_flush();
    }
}

static void dispatch(server_item_t *item) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        run(item);
        nlr_pop();
        server_item_free(item);
        return;
    }
    server_item_free(item);
    webrepl_output_capture(false);
    nlr_jump(nlr.ret_val);
}

static mp_obj_t webrepl_start(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    enum { PASSWORD, PATH };
    static const mp_arg_t allowed[] = {
        {MP_QSTR_password, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_path, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, args, kw_args, MP_ARRAY_SIZE(allowed), allowed, value);
    const char *new_password = mp_obj_str_get_str(value[PASSWORD].u_obj);
    const char *new_path =
        value[PATH].u_obj == mp_const_none ? "/webrepl" : mp_obj_str_get_str(value[PATH].u_obj);
    if (strlen(new_password) < 1 || strlen(new_password) > PASSWORD_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("password must be 1 to 64 bytes"));
    }
    if (new_path[0] != '/' || strlen(new_path) >= sizeof path) {
        mp_raise_ValueError(MP_ERROR_TEXT("path must begin with '/' and have at most 63 bytes"));
    }
    if (path[0] && strcmp(path, new_path) != 0) {
        server_route_remove(path, ROUTE_WEBSOCKET);
    }
    server_endpoint_t endpoint = {.owner = OWNER_WEBREPL, .max_message = MAX_MESSAGE};
    int index = server_route_add(new_path, ROUTE_WEBSOCKET, &endpoint);
    if (index < 0) {
        mp_raise_OSError(index == -1 ? MP_ENOSPC : MP_ENOMEM);
    }
    strcpy(password, new_password);
    strcpy(path, new_path);
    return mp_const_true;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(webrepl_start_obj, 0, webrepl_start);

static mp_obj_t webrepl_process_queue(size_t n_args, const mp_obj_t *args) {
    mp_int_t timeout = n_args ? mp_obj_get_int(args[0]) : 0;
    server_wait(timeout > 0 ? (uint32_t)timeout : 0);
    int handled = 0;
    server_item_t *item;
    while ((item = server_take(QUEUE_WEBREPL))) {
        dispatch(item);
        handled++;
    }
    if (handled) {
        board_wait_event(0);
    }
    return MP_OBJ_NEW_SMALL_INT(handled);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(webrepl_process_queue_obj, 0, 1, webrepl_process_queue);

static mp_obj_t webrepl_stop(void) {
    if (path[0]) {
        server_route_remove(path, ROUTE_WEBSOCKET);
        path[0] = 0;
    }
    if (session) {
        transport_ws_close(session, WS_CODE_GOING_AWAY, "WebREPL stopped");
    }
    forget_session();
    memset(password, 0, sizeof password);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(webrepl_stop_obj, webrepl_stop);

void webrepl_soft_reset(void) {
    forget_session();
    webrepl_output_capture(false);
    path[0] = 0;
    memset(password, 0, sizeof password);
}

static const mp_rom_map_elem_t globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_webrepl)},
    {MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&webrepl_start_obj)},
    {MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&webrepl_stop_obj)},
    {MP_ROM_QSTR(MP_QSTR_process_queue), MP_ROM_PTR(&webrepl_process_queue_obj)},
};
static MP_DEFINE_CONST_DICT(globals, globals_table);

const mp_obj_module_t webrepl_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&globals,
};
MP_REGISTER_MODULE(MP_QSTR_webrepl, webrepl_module);
