/* SPDX-License-Identifier: MIT */
/* Module wsserver: WebSocket endpoints on ws and wss. httpserver.process_queue() runs its events.
 */
#include <string.h>

#include "py/mperrno.h"
#include "py/objlist.h"
#include "py/runtime.h"
#include "webserver/exception.h"
#include "webserver/http/message.h"
#include "webserver/http/origins_argument.h"
#include "webserver/port.h"
#include "webserver/server.h"
#include "webserver/ws/frame.h"

#define PROTOCOL_MAX 64 /* bytes of a subprotocol's name */

enum { ON_CONNECT, ON_MESSAGE, ON_DISCONNECT, EVENTS };

MP_REGISTER_ROOT_POINTER(mp_obj_t wsserver_callbacks[3]);
/* dict: client -> path, or (path, subprotocol); or NULL */
MP_REGISTER_ROOT_POINTER(mp_obj_t wsserver_sessions);

static mp_obj_t sessions(void) {
    if (MP_STATE_VM(wsserver_sessions) == MP_OBJ_NULL) {
        MP_STATE_VM(wsserver_sessions) = mp_obj_new_dict(0);
    }
    return MP_STATE_VM(wsserver_sessions);
}

static int event_of(mp_obj_t name) {
    switch (mp_obj_str_get_qstr(name)) {
    case MP_QSTR_connect:
        return ON_CONNECT;
    case MP_QSTR_message:
        return ON_MESSAGE;
    case MP_QSTR_disconnect:
        return ON_DISCONNECT;
    default:
        mp_raise_ValueError(
            MP_ERROR_TEXT("event must be \"connect\", \"message\" or \"disconnect\""));
    }
}

static void call(int event, size_t n_args, const mp_obj_t *args) {
    mp_obj_t callback = MP_STATE_VM(wsserver_callbacks)[event];
    if (callback != MP_OBJ_NULL) {
        mp_call_function_n_kw(callback, n_args, 0, args);
    }
}

static mp_obj_t session_object(const server_item_t *item) {
    const char *target = (const char *)item->data;
    const char *protocol = target + item->length + 1;
    mp_obj_t parts[2] = {mp_obj_new_str(target, route_path_length(target)), MP_OBJ_NULL};
    if (!*protocol) {
        return parts[0];
    }
    parts[1] = mp_obj_new_str(protocol, strlen(protocol));
    return mp_obj_new_tuple(2, parts);
}

/* A session's part: 0 is its path, 1 its subprotocol or None. Allocates nothing. */
static mp_obj_t session_part(mp_obj_t session, int part) {
    if (mp_obj_is_str(session)) {
        return part == 0 ? session : mp_const_none;
    }
    mp_obj_t *parts;
    mp_obj_get_array_fixed_n(session, 2, &parts);
    return parts[part];
}

/* Joins the pieces of a fragmented message. */
static mp_obj_t message_object(const server_item_t *item) {
    if (!item->pieces) {
        return item->text ? mp_obj_new_str((const char *)item->data, item->length)
                          : mp_obj_new_bytes(item->data, item->length);
    }
    vstr_t vstr;
    vstr_init(&vstr, item->length + 1);
    vstr_add_strn(&vstr, (const char *)item->data, item->first);
    for (const server_piece_t *piece = item->pieces; piece; piece = piece->next) {
        vstr_add_strn(&vstr, (const char *)piece->data, piece->length);
    }
    return item->text ? mp_obj_new_str_from_utf8_vstr(&vstr) : mp_obj_new_bytes_from_vstr(&vstr);
}

static void run(const server_item_t *item) {
    mp_obj_t args[2] = {mp_obj_new_int_from_uint(item->client), MP_OBJ_NULL};
    switch (item->kind) {
    case ITEM_CONNECT:
        args[1] = session_object(item);
        mp_obj_dict_store(sessions(), args[0], args[1]);
        call(ON_CONNECT, 1, args);
        break;
    case ITEM_MESSAGE:
        args[1] = message_object(item);
        call(ON_MESSAGE, 2, args);
        break;
    default:
        mp_map_lookup(mp_obj_dict_get_map(sessions()), args[0], MP_MAP_LOOKUP_REMOVE_IF_FOUND);
        args[1] = MP_OBJ_NEW_SMALL_INT(item->code);
        call(ON_DISCONNECT, 2, args);
        break;
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
    /* 1011 (RFC 6455 section 7.4.1), an unexpected condition: the session cannot go on as if
     * nothing had happened. */
    transport_ws_close(item->client, WS_CODE_ERROR, "handler failed");
    server_item_free(item);
    server_handler_failed(nlr.ret_val, SERVER_HTTP);
}

static void soft_reset(void) {
    for (int i = 0; i < EVENTS; i++) {
        MP_STATE_VM(wsserver_callbacks)[i] = MP_OBJ_NULL;
    }
    MP_STATE_VM(wsserver_sessions) = MP_OBJ_NULL;
}

static const server_module_t module = {
    .name = "wsserver", .dispatch = dispatch, .soft_reset = soft_reset};

static mp_obj_t wsserver_init(void) {
    server_register(&module);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(wsserver_init_obj, wsserver_init);

static bool protocol_valid(const char *text) {
    size_t length = strlen(text);
    return length <= PROTOCOL_MAX && http_is_token(text, length);
}

static mp_obj_t wsserver_start(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    enum { PATH, MAX_MESSAGE, PING_INTERVAL, PING_TIMEOUT, ORIGINS, PROTOCOLS };
    static const mp_arg_t allowed[] = {
        {MP_QSTR_path, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_max_message, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 16384}},
        {MP_QSTR_ping_interval_ms, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0}},
        {MP_QSTR_ping_timeout_ms, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 10000}},
        {MP_QSTR_origins, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_protocols, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, args, kw_args, MP_ARRAY_SIZE(allowed), allowed, value);
    mp_obj_t path_object = value[PATH].u_obj;
    const char *path = path_object == mp_const_none ? "/ws" : mp_obj_str_get_str(path_object);
    if (path[0] != '/') {
        mp_raise_ValueError(MP_ERROR_TEXT("path must begin with '/'"));
    }
    if (value[MAX_MESSAGE].u_int < 0 || value[MAX_MESSAGE].u_int > 1 << 20 ||
        value[PING_INTERVAL].u_int < 0 || value[PING_TIMEOUT].u_int < 1) {
        mp_raise_ValueError(MP_ERROR_TEXT("max_message, ping_interval_ms or ping_timeout_ms is out "
                                          "of range"));
    }
    server_endpoint_claim(path, &module);
    server_endpoint_t endpoint = {
        .owner = &module,
        .max_message = (uint32_t)value[MAX_MESSAGE].u_int,
        .ping_interval_ms = (uint32_t)value[PING_INTERVAL].u_int,
        .ping_timeout_ms = (uint32_t)value[PING_TIMEOUT].u_int,
        .protocols = server_list_new(value[PROTOCOLS].u_obj, MP_QSTR_protocols, protocol_valid,
                                     MP_ERROR_TEXT("a subprotocol must be a token of at most 64 "
                                                   "bytes")),
    };
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        net_free(endpoint.protocols);
        nlr_jump(nlr.ret_val);
    }
    endpoint.origins = server_origins_new(value[ORIGINS].u_obj);
    nlr_pop();
    int index = server_route_add(path, ROUTE_WEBSOCKET, &endpoint);
    if (index < 0) {
        mp_raise_OSError(index == -1 ? MP_ENOSPC : MP_ENOMEM);
    }
    return mp_const_true;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(wsserver_start_obj, 0, wsserver_start);

static void close_sessions(const char *path) {
    if (MP_STATE_VM(wsserver_sessions) == MP_OBJ_NULL) {
        return;
    }
    mp_map_t *map = mp_obj_dict_get_map(MP_STATE_VM(wsserver_sessions));
    for (size_t i = 0; i < map->alloc; i++) {
        if (mp_map_slot_is_filled(map, i) &&
            strcmp(mp_obj_str_get_str(session_part(map->table[i].value, 0)), path) == 0) {
            transport_ws_close((transport_client_t)mp_obj_get_int_truncated(map->table[i].key),
                               WS_CODE_GOING_AWAY, "endpoint stopped");
        }
    }
}

/* `path` may be the route's own, freed with the route. So nothing here may allocate in Python's
 * heap: a collection may run Python code that removes the route. */
static void stop_path(const char *path) {
    close_sessions(path);
    server_route_remove(path, ROUTE_WEBSOCKET, &module);
}

static mp_obj_t wsserver_stop(size_t n_args, const mp_obj_t *args) {
    if (n_args && args[0] != mp_const_none) {
        stop_path(mp_obj_str_get_str(args[0]));
        return mp_const_none;
    }
    for (int i = 0; i < ROUTE_MAX; i++) {
        server_endpoint_t endpoint;
        const route_t *route = &server_routes()->routes[i];
        if (route->path && route->methods == ROUTE_WEBSOCKET &&
            server_find_endpoint(route->path, &endpoint) && endpoint.owner == &module) {
            stop_path(route->path);
        }
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(wsserver_stop_obj, 0, 1, wsserver_stop);

static mp_obj_t wsserver_on(mp_obj_t event, mp_obj_t callback) {
    if (callback != mp_const_none && !mp_obj_is_callable(callback)) {
        mp_raise_TypeError(MP_ERROR_TEXT("callback is not callable"));
    }
    MP_STATE_VM(wsserver_callbacks)
    [event_of(event)] = callback == mp_const_none ? MP_OBJ_NULL : callback;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(wsserver_on_obj, wsserver_on);

static mp_obj_t wsserver_send(mp_obj_t client, mp_obj_t data) {
    /* first: an __int__ in Python may change `data` */
    transport_client_t number = (transport_client_t)mp_obj_get_int_truncated(client);
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(data, &buffer, MP_BUFFER_READ);
    bool sent = transport_ws_send(number, mp_obj_is_str(data), buffer.buf, buffer.len);
    board_wait_event(0); /* send it now, even if the caller runs on for long */
    return mp_obj_new_bool(sent);
}
static MP_DEFINE_CONST_FUN_OBJ_2(wsserver_send_obj, wsserver_send);

static mp_obj_t wsserver_close(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    enum { CLIENT, CODE, REASON };
    static const mp_arg_t allowed[] = {
        {MP_QSTR_client, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_code, MP_ARG_INT, {.u_int = WS_CODE_NORMAL}},
        {MP_QSTR_reason, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_QSTR(MP_QSTR_)}},
    };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, args, kw_args, MP_ARRAY_SIZE(allowed), allowed, value);
    transport_client_t client = (transport_client_t)mp_obj_get_int_truncated(value[CLIENT].u_obj);
    const char *reason = mp_obj_str_get_str(value[REASON].u_obj);
    mp_int_t code = value[CODE].u_int;
    if (code < 0 || !ws_close_code_valid((unsigned)code)) {
        mp_raise_ValueError(MP_ERROR_TEXT("code must be valid in a close frame (RFC 6455, 7.4)"));
    }
    if (strlen(reason) > WS_CONTROL_MAX - 2) {
        mp_raise_ValueError(MP_ERROR_TEXT("reason must be at most 123 bytes"));
    }
    return mp_obj_new_bool(transport_ws_close(client, (uint16_t)code, reason));
}
static MP_DEFINE_CONST_FUN_OBJ_KW(wsserver_close_obj, 0, wsserver_close);

static mp_obj_t wsserver_protocol(mp_obj_t client) {
    mp_map_t *map = mp_obj_dict_get_map(sessions());
    mp_map_elem_t *session = mp_map_lookup(map, client, MP_MAP_LOOKUP);
    return session ? session_part(session->value, 1) : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(wsserver_protocol_obj, wsserver_protocol);

static mp_obj_t wsserver_clients(void) {
    mp_obj_t list = mp_obj_new_list(0, NULL);
    mp_map_t *map = mp_obj_dict_get_map(sessions());
    for (size_t i = 0; i < map->alloc; i++) {
        if (mp_map_slot_is_filled(map, i)) {
            mp_obj_list_append(list, map->table[i].key);
        }
    }
    return list;
}
static MP_DEFINE_CONST_FUN_OBJ_0(wsserver_clients_obj, wsserver_clients);

static const mp_rom_map_elem_t globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_wsserver)},
    {MP_ROM_QSTR(MP_QSTR___init__), MP_ROM_PTR(&wsserver_init_obj)},
    {MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&wsserver_start_obj)},
    {MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&wsserver_stop_obj)},
    {MP_ROM_QSTR(MP_QSTR_on), MP_ROM_PTR(&wsserver_on_obj)},
    {MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&wsserver_send_obj)},
    {MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&wsserver_close_obj)},
    {MP_ROM_QSTR(MP_QSTR_protocol), MP_ROM_PTR(&wsserver_protocol_obj)},
    {MP_ROM_QSTR(MP_QSTR_clients), MP_ROM_PTR(&wsserver_clients_obj)},
};
static MP_DEFINE_CONST_DICT(globals, globals_table);

const mp_obj_module_t wsserver_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&globals,
};
MP_REGISTER_MODULE(MP_QSTR_wsserver, wsserver_module);
