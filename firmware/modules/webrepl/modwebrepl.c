/* SPDX-License-Identifier: MIT */
/* Module webrepl: MicroPython's REPL and files over WebSocket, in MicroPython's own protocol. */
#include <string.h>

#include "files.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "session.h"
#include "shared/runtime/interrupt_char.h"
#include "terminal.h"
#include "webserver/http/origins_argument.h"
#include "webserver/port.h"
#include "webserver/server.h"
#include "webserver/zeroize.h"

#define BUDGET_MS 20 /* of one process_queue(), so that a transfer leaves time for others */

#define CLI_PATH "/" /* where MicroPython's webrepl_cli.py connects to */

static char path[64];
static bool serves_cli; /* whether there is an endpoint for it, perhaps the only one */

static webrepl_password_t parse_password(mp_obj_t object) {
    size_t length = 0;
    const char *text = object == mp_const_none ? NULL : mp_obj_str_get_data(object, &length);
    if (length == 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("password is missing: there is no default"));
    }
    if (length > WEBREPL_PASSWORD_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("password is longer than 128 bytes"));
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 127) {
            mp_raise_ValueError(MP_ERROR_TEXT("password contains a control character"));
        }
    }
    webrepl_password_t password = {.length = (uint16_t)length};
    memcpy(password.text, text, length);
    return password;
}

static const char *parse_path(mp_obj_t object) {
    const char *text = object == mp_const_none ? "/webrepl" : mp_obj_str_get_str(object);
    if (text[0] != '/' || strlen(text) >= sizeof path) {
        mp_raise_ValueError(MP_ERROR_TEXT("path must begin with '/' and have at most 63 bytes"));
    }
    return text;
}

static void remove_endpoints(void) {
    if (path[0]) {
        server_route_remove(path, ROUTE_WEBSOCKET, &webrepl_server_module);
        path[0] = 0;
    }
    if (serves_cli) {
        server_route_remove(CLI_PATH, ROUTE_WEBSOCKET, &webrepl_server_module);
        serves_cli = false;
        webrepl_session_serve_cli(false);
    }
}

/* Adds or replaces an endpoint; it takes over the origins. */
static void add_endpoint(const char *at, const server_endpoint_t *endpoint) {
    int index = server_route_add(at, ROUTE_WEBSOCKET, endpoint);
    if (index < 0) {
        mp_raise_OSError(index == -1 ? MP_ENOSPC : MP_ENOMEM);
    }
}

static bool at_prompt(void) {
    bool reset = false;
    if (!webrepl_terminal_runs() && !webrepl_terminal_busy() && server_pending_on(QUEUE_REPL)) {
        webrepl_terminal_serve(BUDGET_MS, &reset);
    }
    return reset;
}

static void soft_reset(void) {
    webrepl_terminal_forget();
    webrepl_session_forget();
    webrepl_session_serve_cli(false);
    serves_cli = false;
    path[0] = 0;
}

const server_module_t webrepl_server_module = {
    .name = "webrepl",
    .on_item = webrepl_session_item,
    .on_poll = webrepl_session_poll,
    .deadline = webrepl_session_deadline,
    .keeps_place = true,
    .is_session = webrepl_session_is,
    .is_authenticating = webrepl_session_is_authenticating,
    .at_prompt = at_prompt,
    .soft_reset = soft_reset,
};

static mp_obj_t webrepl_init(void) {
    server_register(&webrepl_server_module);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(webrepl_init_obj, webrepl_init);

static mp_obj_t webrepl_start(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    enum { PASSWORD, PATH, ORIGINS, PING_INTERVAL, PING_TIMEOUT, CLI };
    static const mp_arg_t allowed[] = {
        {MP_QSTR_password, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_path, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_origins, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_ping_interval_ms, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0}},
        {MP_QSTR_ping_timeout_ms, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 10000}},
        {MP_QSTR_webrepl_cli, MP_ARG_KW_ONLY | MP_ARG_BOOL, {.u_bool = false}},
    };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, args, kw_args, MP_ARRAY_SIZE(allowed), allowed, value);
    webrepl_password_t password = parse_password(value[PASSWORD].u_obj);
    const char *new_path = parse_path(value[PATH].u_obj);
    if (value[PING_INTERVAL].u_int < 0 || value[PING_TIMEOUT].u_int < 1) {
        mp_raise_ValueError(MP_ERROR_TEXT("ping_interval_ms or ping_timeout_ms is out of range"));
    }
    bool cli = value[CLI].u_bool, at_cli_path = cli && strcmp(new_path, CLI_PATH) == 0;
    server_endpoint_claim(new_path, &webrepl_server_module);
    if (cli) {
        server_endpoint_claim(CLI_PATH, &webrepl_server_module);
    }
    server_endpoint_t endpoint = {
        .owner = &webrepl_server_module,
        .max_message = WEBREPL_LOGIN_MESSAGE_MAX,
        /* webrepl_cli.py does not answer pings */
        .ping_interval_ms = at_cli_path ? 0 : (uint32_t)value[PING_INTERVAL].u_int,
        .ping_timeout_ms = (uint32_t)value[PING_TIMEOUT].u_int,
        .lenient = at_cli_path,
        .origins = server_origins_new(value[ORIGINS].u_obj),
    };
    if ((path[0] && strcmp(path, new_path) != 0) || serves_cli != cli) {
        remove_endpoints();
    }
    add_endpoint(new_path, &endpoint);
    strcpy(path, new_path);
    if (cli && !at_cli_path) {
        endpoint.ping_interval_ms = 0;
        endpoint.lenient = true;
        endpoint.origins = server_origins_new(value[ORIGINS].u_obj);
        add_endpoint(CLI_PATH, &endpoint);
    }
    serves_cli = cli;
    webrepl_session_serve_cli(cli);
    webrepl_session_password(&password);
    zeroize(&password, sizeof password);
    if (!webrepl_files_busy()) { /* this may be called from a session */
        webrepl_files_clean();
    }
    return mp_const_true;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(webrepl_start_obj, 0, webrepl_start);

static void refuse_while_busy(void) {
    if (webrepl_terminal_busy()) {
        mp_raise_msg(
            &mp_type_RuntimeError,
            MP_ERROR_TEXT("process_queue() is reading a file or a paste: a file system or a "
                          "scheduled function must return to it, not call it"));
    }
}

static mp_obj_t webrepl_process_queue(size_t n_args, const mp_obj_t *args) {
    mp_int_t timeout = n_args ? mp_obj_get_int(args[0]) : 0;
    bool reset;
    refuse_while_busy();
    server_wait(timeout > 0 ? (uint32_t)timeout : 0);
    refuse_while_busy(); /* another thread may have started while this one waited */
    int served = webrepl_terminal_serve(BUDGET_MS, &reset);
    if (reset) {
        mp_raise_type(&mp_type_SystemExit); /* ends the application and restarts MicroPython */
    }
    return MP_OBJ_NEW_SMALL_INT(served);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(webrepl_process_queue_obj, 0, 1, webrepl_process_queue);

static mp_obj_t webrepl_stop(void) {
    remove_endpoints();
    webrepl_session_password(NULL);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(webrepl_stop_obj, webrepl_stop);

static const mp_rom_map_elem_t globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_webrepl)},
    {MP_ROM_QSTR(MP_QSTR___init__), MP_ROM_PTR(&webrepl_init_obj)},
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
