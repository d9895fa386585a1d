/* SPDX-License-Identifier: MIT */
/* Module httpserver: HTTP and HTTPS with one table of handlers for both. */
#include <stdio.h>
#include <string.h>

#include "body_streams.h"
#include "handlers.h"
#include "info.h"
#include "mbedtls/sha256.h"
#include "pem_file.h"
#include "py/mperrno.h"
#include "py/objlist.h"
#include "py/runtime.h"
#include "webserver/port.h"
#include "webserver/server.h"
#include "webserver/tls/credentials.h"
#include "webserver/tls/resumption.h"
#include "webserver/tls/version.h"

#define RECV_TIMEOUT_MS 5000 /* as ESP-IDF's recv_wait_timeout and send_wait_timeout */
#define SEND_TIMEOUT_MS 5000
#define SERVER_STATS_BYTES 2048
#define ITEMS_AT_ONCE 64 /* process_queue() returns after this many, even if more arrive */

/* The running configuration, to detect a start() that changes nothing: the options, and a hash of
 * both files' contents. */
static transport_options_t running[SERVER_SCHEMES];
static uint8_t running_digest[32];

static bool same_options(server_scheme_t scheme, const transport_options_t *options) {
    const transport_options_t *old = &running[scheme];
    return transport_running(scheme) && old->port == options->port &&
           old->max_connections == options->max_connections && old->full == options->full &&
           old->handshake_timeout_ms == options->handshake_timeout_ms &&
           old->idle_timeout_ms == options->idle_timeout_ms &&
           old->response_timeout_ms == options->response_timeout_ms &&
           old->transfer_timeout_us == options->transfer_timeout_us &&
           old->us_per_byte == options->us_per_byte &&
           old->minimum_version == options->minimum_version &&
           old->maximum_version == options->maximum_version &&
           old->session_tickets == options->session_tickets &&
           old->session_ids == options->session_ids &&
           old->session_timeout_ms == options->session_timeout_ms;
}

static void failed(server_scheme_t scheme, const char *cause) {
    server_log("Failed to start %s server: %s", scheme == SERVER_HTTPS ? "HTTPS" : "HTTP", cause);
}

static bool start_listener(server_scheme_t scheme, const transport_options_t *options) {
    char cause[112];
    transport_status_t status = transport_start(scheme, options);
    net_heap_figures_t heap;
    switch (status) {
    case TRANSPORT_OK:
        running[scheme] = *options;
        return true;
    case TRANSPORT_PORT_IN_USE:
        snprintf(cause, sizeof cause, "port %u is in use", options->port);
        break;
    case TRANSPORT_NO_MEMORY:
        heap = net_heap_figures();
        snprintf(cause, sizeof cause,
                 "Memory allocation failed: out of memory (%lu bytes free, largest block %lu)",
                 (unsigned long)heap.free, (unsigned long)heap.largest);
        break;
    default:
        snprintf(cause, sizeof cause, "TLS cannot be set up (-0x%04x)",
                 (unsigned)-transport_tls_error());
        break;
    }
    failed(scheme, cause);
    return false;
}

/* Whether this many connections fit beside those of the other server; logs an error if not. */
static bool fits(server_scheme_t scheme, unsigned max, unsigned max_http) {
    transport_room_t room = transport_room();
    unsigned left = room.all > room.others ? room.all - room.others : 0;
    if (max + max_http <= left) {
        return true;
    }
    char asked[48], cause[176];
    if (scheme == SERVER_HTTP) {
        snprintf(asked, sizeof asked, "max_http=%u is", max);
    } else if (max_http == 0) {
        snprintf(asked, sizeof asked, "max_https=%u is", max);
    } else {
        snprintf(asked, sizeof asked, "max_https=%u with max_http=%u is", max, max_http);
    }
    snprintf(cause, sizeof cause,
             "%s too many: lwIP is configured for %u connections, %u of them reserved; ask for at "
             "most %u in all",
             asked, room.all, room.others, left);
    failed(scheme, cause);
    return false;
}

static bool start_http(const transport_options_t *options) {
    if (!fits(SERVER_HTTP, options->max_connections, 0)) {
        transport_stop(SERVER_HTTP);
        return false;
    }
    if (same_options(SERVER_HTTP, options)) {
        return true;
    }
    transport_stop(SERVER_HTTP);
    return start_listener(SERVER_HTTP, options);
}

/* The contents of both files while HTTPS starts. */
typedef struct {
    pem_file_t cert, key;
} files_t;

static void free_files(files_t *files) {
    pem_file_free(&files->cert);
    pem_file_free(&files->key);
}

static bool read_files(files_t *files, const char *cert_file, const char *key_file, char *error,
                       size_t error_size) {
    if (!cert_file || !key_file) {
        snprintf(error, error_size, "%s",
                 cert_file ? "a certificate file is given, but no key file"
                           : "a key file is given, but no certificate file");
        return false;
    }
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) { /* from a file system in Python */
        free_files(files);
        nlr_jump(nlr.ret_val);
    }
    bool read = pem_file_read(&files->cert, "certificate", cert_file, error, error_size) &&
                pem_file_read(&files->key, "key", key_file, error, error_size);
    nlr_pop();
    return read;
}

static void digest_files(const files_t *files, uint8_t digest[32]) {
    mbedtls_sha256_context sha;
    mbedtls_sha256_init(&sha);
    mbedtls_sha256_starts(&sha, 0);
    mbedtls_sha256_update(&sha, (const uint8_t *)files->cert.text, files->cert.size);
    mbedtls_sha256_update(&sha, (const uint8_t *)files->key.text, files->key.size);
    mbedtls_sha256_finish(&sha, digest);
    mbedtls_sha256_free(&sha);
}

static void stop_https(void) {
    transport_stop(SERVER_HTTPS);
    memset(running_digest, 0, sizeof running_digest);
}

/* Restarts unless a server with the same contents and options is already running. */
static bool start_https(transport_options_t *options, const char *cert_file, const char *key_file) {
    files_t files = {0};
    char cause[320];
    uint8_t digest[32];
    if (!fits(SERVER_HTTPS, options->max_connections,
              transport_running(SERVER_HTTP) ? running[SERVER_HTTP].max_connections : 0)) {
        stop_https();
        return false;
    }
    if (!read_files(&files, cert_file, key_file, cause, sizeof cause)) {
        free_files(&files);
        stop_https();
        failed(SERVER_HTTPS, cause);
        return false;
    }
    digest_files(&files, digest);
    if (same_options(SERVER_HTTPS, options) && memcmp(digest, running_digest, sizeof digest) == 0) {
        free_files(&files);
        return true;
    }
    stop_https(); /* before the new identity takes its memory */
    tls_file_t certificates = {files.cert.text, files.cert.size - 1, cert_file};
    tls_file_t key = {files.key.text, files.key.size - 1, key_file};
    options->identity = tls_identity_new(&certificates, &key, cause, sizeof cause);
    free_files(&files);
    if (!options->identity) {
        failed(SERVER_HTTPS, cause);
        return false;
    }
    if (!start_listener(SERVER_HTTPS, options)) {
        tls_identity_free(options->identity);
        return false;
    }
    memcpy(running_digest, digest, sizeof digest);
    return true;
}

static mp_int_t in_range(mp_int_t value, mp_int_t low, mp_int_t high, qstr name) {
    if (value < low || value > high) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q must be %d to %d"), name, (int)low,
                          (int)high);
    }
    return value;
}

static const char *path_or_null(mp_obj_t object) {
    return object == mp_const_none ? NULL : mp_obj_str_get_str(object);
}

static server_full_t parse_full(mp_obj_t object) {
    const char *text = mp_obj_str_get_str(object);
    if (strcmp(text, "purge") == 0) {
        return SERVER_FULL_PURGE;
    }
    if (strcmp(text, "refuse") != 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("full must be \"purge\" or \"refuse\""));
    }
    return SERVER_FULL_REFUSE;
}

static uint16_t parse_version(mp_obj_t object, uint16_t usual, qstr name) {
    mp_int_t value = object == mp_const_none ? usual : mp_obj_get_int(object);
    if (value != TLS_1_2 && value != TLS_1_3) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("%q must be TLSv1_2 or TLSv1_3"),
                          name);
    }
    if (value > TLS_NEWEST) {
        mp_raise_msg_varg(&mp_type_ValueError,
                          MP_ERROR_TEXT("%q: this firmware was built without TLS 1.3"), name);
    }
    return (uint16_t)value;
}

static mp_obj_t httpserver_start(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    enum {
        PORT,
        CERT,
        KEY,
        HTTPS_PORT,
        MAX_HTTP,
        MAX_HTTPS,
        FULL,
        HANDSHAKE,
        IDLE,
        RESPONSE,
        TRANSFER,
        RATE,
        BODY,
        QUEUE,
        MINIMUM,
        MAXIMUM,
        TARGET,
        HEAD,
        TICKETS,
        IDS,
        SESSION_TIMEOUT
    };
    static const mp_arg_t allowed[] = {
        {MP_QSTR_port, MP_ARG_INT, {.u_int = 80}},
        {MP_QSTR_cert_file, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_key_file, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_https_port, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 443}},
        {MP_QSTR_max_http, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 10}},
        {MP_QSTR_max_https, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 4}},
        {MP_QSTR_full, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_QSTR(MP_QSTR_purge)}},
        {MP_QSTR_handshake_timeout_ms, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 10000}},
        {MP_QSTR_idle_timeout_ms, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0}},
        {MP_QSTR_response_timeout_ms, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 60000}},
        {MP_QSTR_transfer_timeout_ms, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 20000}},
        {MP_QSTR_minimum_rate, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 500}},
        {MP_QSTR_max_body, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 16384}},
        {MP_QSTR_queue, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 16}},
        {MP_QSTR_minimum_version, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_maximum_version, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_max_target, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 8000}},
        {MP_QSTR_max_head, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 8192}},
        {MP_QSTR_session_tickets, MP_ARG_KW_ONLY | MP_ARG_BOOL, {.u_bool = TLS_HAS_TICKETS}},
        {MP_QSTR_session_ids, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0}},
        {MP_QSTR_session_timeout_ms, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 3600000}},
    };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, args, kw_args, MP_ARRAY_SIZE(allowed), allowed, value);
    const char *cert_file = path_or_null(value[CERT].u_obj);
    const char *key_file = path_or_null(value[KEY].u_obj);
    mp_int_t rate = in_range(value[RATE].u_int, 0, 1000000, MP_QSTR_minimum_rate);
    transport_options_t http = {
        .port = (uint16_t)in_range(value[PORT].u_int, 1, 65535, MP_QSTR_port),
        .max_connections = (uint16_t)in_range(value[MAX_HTTP].u_int, 1, 250, MP_QSTR_max_http),
        .full = parse_full(value[FULL].u_obj),
        .handshake_timeout_ms =
            (uint32_t)in_range(value[HANDSHAKE].u_int, 1, 3600000, MP_QSTR_handshake_timeout_ms),
        .idle_timeout_ms =
            (uint32_t)in_range(value[IDLE].u_int, 0, 86400000, MP_QSTR_idle_timeout_ms),
        .recv_timeout_ms = RECV_TIMEOUT_MS,
        .send_timeout_ms = SEND_TIMEOUT_MS,
        .response_timeout_ms =
            (uint32_t)in_range(value[RESPONSE].u_int, 0, 86400000, MP_QSTR_response_timeout_ms),
        .transfer_timeout_us = 1000ull * (uint64_t)in_range(value[TRANSFER].u_int, 1, 3600000,
                                                            MP_QSTR_transfer_timeout_ms),
        .us_per_byte = rate ? 1000000 / (uint32_t)rate : 0,
    };
    transport_options_t https = http;
    https.port = (uint16_t)in_range(value[HTTPS_PORT].u_int, 1, 65535, MP_QSTR_https_port);
    https.max_connections = (uint16_t)in_range(value[MAX_HTTPS].u_int, 1, 250, MP_QSTR_max_https);
    https.minimum_version = parse_version(value[MINIMUM].u_obj, TLS_1_2, MP_QSTR_minimum_version);
    https.maximum_version =
        parse_version(value[MAXIMUM].u_obj, TLS_NEWEST, MP_QSTR_maximum_version);
    if (https.minimum_version > https.maximum_version) {
        mp_raise_ValueError(MP_ERROR_TEXT("minimum_version is above maximum_version"));
    }
    server_limits_t limits = {
        .max_target = (size_t)in_range(value[TARGET].u_int, 64, 65535, MP_QSTR_max_target),
        .max_head = (size_t)in_range(value[HEAD].u_int, 512, 65535, MP_QSTR_max_head),
        .max_body = (size_t)in_range(value[BODY].u_int, 0, 1 << 20, MP_QSTR_max_body),
        .queue = (size_t)in_range(value[QUEUE].u_int, 1, 1000, MP_QSTR_queue),
    };
    https.session_tickets = value[TICKETS].u_bool;
    if (https.session_tickets && !TLS_HAS_TICKETS) {
        mp_raise_ValueError(
            MP_ERROR_TEXT("session_tickets: this firmware was built without session tickets"));
    }
    https.session_ids = (uint16_t)in_range(value[IDS].u_int, 0, 64, MP_QSTR_session_ids);
    https.session_timeout_ms = (uint32_t)in_range(value[SESSION_TIMEOUT].u_int, 1000, 86400000,
                                                  MP_QSTR_session_timeout_ms);
    server_set_limits(&limits);
    bool ok = start_http(&http);
    if (cert_file || key_file) {
        ok = start_https(&https, cert_file, key_file) && ok;
    } else {
        stop_https();
    }
    return mp_obj_new_bool(ok);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(httpserver_start_obj, 0, httpserver_start);

static uint8_t parse_method(mp_obj_t object) {
    uint8_t method = route_method(mp_obj_str_get_str(object));
    if (!method) {
        mp_raise_ValueError(MP_ERROR_TEXT("unknown method"));
    }
    return method;
}

static mp_obj_t httpserver_on(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    enum { URI, HANDLER, METHOD };
    static const mp_arg_t allowed[] = {
        {MP_QSTR_uri, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_handler, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_method, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_QSTR(MP_QSTR_GET)}},
    };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, args, kw_args, MP_ARRAY_SIZE(allowed), allowed, value);
    const char *uri = mp_obj_str_get_str(value[URI].u_obj);
    if (uri[0] != '/') {
        mp_raise_ValueError(MP_ERROR_TEXT("uri must begin with '/'"));
    }
    if (!mp_obj_is_callable(value[HANDLER].u_obj)) {
        mp_raise_TypeError(MP_ERROR_TEXT("handler is not callable"));
    }
    int index = server_route_add(uri, parse_method(value[METHOD].u_obj), NULL);
    if (index < 0) {
        mp_raise_OSError(index == -1 ? MP_ENOSPC : MP_ENOMEM);
    }
    http_handlers_set(index, value[HANDLER].u_obj);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(httpserver_on_obj, 0, httpserver_on);

static mp_obj_t httpserver_off(size_t n_args, const mp_obj_t *args) {
    const char *uri = mp_obj_str_get_str(args[0]);
    uint8_t wanted = n_args > 1 && args[1] != mp_const_none ? parse_method(args[1]) : 0x7f;
    bool found = false;
    for (int bit = 0; bit < ROUTE_METHODS; bit++) {
        int index = wanted & 1 << bit ? server_route_remove(uri, (uint8_t)(1 << bit), NULL) : -1;
        if (index >= 0) {
            http_handlers_set(index, MP_OBJ_NULL);
            found = true;
        }
    }
    return mp_obj_new_bool(found);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(httpserver_off_obj, 1, 2, httpserver_off);

static mp_obj_t httpserver_send(size_t n_args, const mp_obj_t *args, mp_map_t *kw_args) {
    enum { CONTENT, STATUS, CONTENT_TYPE, HEADERS, LENGTH };
    static const mp_arg_t allowed[] = {
        {MP_QSTR_content, MP_ARG_REQUIRED | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_status, MP_ARG_INT, {.u_int = 200}},
        {MP_QSTR_content_type, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_headers, MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
        {MP_QSTR_length, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_rom_obj = MP_ROM_NONE}},
    };
    mp_arg_val_t value[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, args, kw_args, MP_ARRAY_SIZE(allowed), allowed, value);
    const char *content_type = path_or_null(value[CONTENT_TYPE].u_obj);
    mp_obj_t length = value[LENGTH].u_obj;
    mp_int_t most = length == mp_const_none ? 0 : mp_obj_get_int(length);
    if (most < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("length must not be negative"));
    }
    bool sent =
        http_handlers_send(value[CONTENT].u_obj, (unsigned)value[STATUS].u_int,
                           content_type ? content_type : "text/plain; charset=utf-8",
                           value[HEADERS].u_obj, length == mp_const_none ? SIZE_MAX : (size_t)most);
    return mp_obj_new_bool(sent);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(httpserver_send_obj, 0, httpserver_send);

/* Handlers, callbacks or streams are running. Their state (the request to answer, the piece of a
 * body) exists once, so process_queue() must not be called from within them. */
static bool serving;

static void refuse_while_serving(void) {
    if (serving) {
        mp_raise_msg(&mp_type_RuntimeError,
                     MP_ERROR_TEXT("process_queue() is running: a handler, a callback or a stream "
                                   "must return to it, not call it"));
    }
}

static int serve_queue(void) {
    int handled = 0;
    server_item_t *item;
    http_streams_run();
    while (handled < ITEMS_AT_ONCE && (item = server_take(QUEUE_APP))) {
        handled++;
        if (item->kind == ITEM_REQUEST) {
            http_handlers_run(item);
        } else {
            item->owner->dispatch(item);
        }
        board_wait_event(0); /* send the response now, not after the other handlers */
        http_streams_run();
    }
    return handled;
}

static mp_obj_t httpserver_process_queue(size_t n_args, const mp_obj_t *args) {
    mp_int_t timeout = n_args ? mp_obj_get_int(args[0]) : 0;
    refuse_while_serving();
    server_wait((uint32_t)in_range(timeout, 0, 86400000, MP_QSTR_timeout_ms));
    refuse_while_serving(); /* another thread may have started while this one waited */
    nlr_buf_t nlr;
    if (nlr_push(&nlr) != 0) {
        serving = false;
        nlr_jump(nlr.ret_val);
    }
    serving = true;
    int handled = serve_queue();
    serving = false;
    nlr_pop();
    return MP_OBJ_NEW_SMALL_INT(handled);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(httpserver_process_queue_obj, 0, 1,
                                           httpserver_process_queue);

static mp_obj_t httpserver_stop(void) {
    stop_https();
    transport_stop(SERVER_HTTP);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(httpserver_stop_obj, httpserver_stop);

static mp_obj_t httpserver_https_running(void) {
    return mp_obj_new_bool(transport_running(SERVER_HTTPS));
}
static MP_DEFINE_CONST_FUN_OBJ_0(httpserver_https_running_obj, httpserver_https_running);

static mp_obj_t httpserver_stats(void) {
    vstr_t json;
    vstr_init_len(&json, SERVER_STATS_BYTES);
    json.len = server_stats_json(json.buf, SERVER_STATS_BYTES);
    mp_obj_t module = mp_import_name(MP_QSTR_json, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
    return mp_call_function_1(mp_load_attr(module, MP_QSTR_loads), mp_obj_new_str_from_vstr(&json));
}
static MP_DEFINE_CONST_FUN_OBJ_0(httpserver_stats_obj, httpserver_stats);

static mp_obj_t httpserver_info(void) {
    mp_obj_t dict = mp_obj_new_dict(3);
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_uptime_ms),
                      mp_obj_new_int_from_ull(board_us() / 1000));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_http),
                      server_info_listener(SERVER_HTTP, &running[SERVER_HTTP]));
    mp_obj_dict_store(dict, MP_OBJ_NEW_QSTR(MP_QSTR_https),
                      server_info_listener(SERVER_HTTPS, &running[SERVER_HTTPS]));
    return dict;
}
static MP_DEFINE_CONST_FUN_OBJ_0(httpserver_info_obj, httpserver_info);

/* In frozen Python, which only chooses files and headers; the bytes go through send(). */
static mp_obj_t httpserver_static(mp_obj_t uri, mp_obj_t directory) {
    mp_obj_t module = mp_import_name(MP_QSTR_static_files, mp_const_none, MP_OBJ_NEW_SMALL_INT(0));
    return mp_call_function_2(mp_load_attr(module, MP_QSTR_serve), uri, directory);
}
static MP_DEFINE_CONST_FUN_OBJ_2(httpserver_static_obj, httpserver_static);

static void soft_reset(void) {
    serving = false;
    stop_https();
    http_handlers_forget();
}

static const server_module_t module = {.soft_reset = soft_reset};

static mp_obj_t httpserver_init(void) {
    server_register(&module);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_0(httpserver_init_obj, httpserver_init);

static const mp_rom_map_elem_t globals_table[] = {
    {MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_httpserver)},
    {MP_ROM_QSTR(MP_QSTR___init__), MP_ROM_PTR(&httpserver_init_obj)},
    {MP_ROM_QSTR(MP_QSTR_start), MP_ROM_PTR(&httpserver_start_obj)},
    {MP_ROM_QSTR(MP_QSTR_stop), MP_ROM_PTR(&httpserver_stop_obj)},
    {MP_ROM_QSTR(MP_QSTR_on), MP_ROM_PTR(&httpserver_on_obj)},
    {MP_ROM_QSTR(MP_QSTR_off), MP_ROM_PTR(&httpserver_off_obj)},
    {MP_ROM_QSTR(MP_QSTR_send), MP_ROM_PTR(&httpserver_send_obj)},
    {MP_ROM_QSTR(MP_QSTR_process_queue), MP_ROM_PTR(&httpserver_process_queue_obj)},
    {MP_ROM_QSTR(MP_QSTR_https_running), MP_ROM_PTR(&httpserver_https_running_obj)},
    {MP_ROM_QSTR(MP_QSTR_stats), MP_ROM_PTR(&httpserver_stats_obj)},
    {MP_ROM_QSTR(MP_QSTR_info), MP_ROM_PTR(&httpserver_info_obj)},
    {MP_ROM_QSTR(MP_QSTR_static), MP_ROM_PTR(&httpserver_static_obj)},
    {MP_ROM_QSTR(MP_QSTR_TLSv1_2), MP_ROM_INT(TLS_1_2)},
    {MP_ROM_QSTR(MP_QSTR_TLSv1_3), MP_ROM_INT(TLS_1_3)},
};
static MP_DEFINE_CONST_DICT(globals, globals_table);

const mp_obj_module_t httpserver_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&globals,
};
MP_REGISTER_MODULE(MP_QSTR_httpserver, httpserver_module);
