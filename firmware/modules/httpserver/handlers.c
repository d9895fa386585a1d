/* SPDX-License-Identifier: MIT */
#include "handlers.h"

#include <string.h>
#include <strings.h>

#include "body_streams.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "webserver/exception.h"
#include "webserver/http/message.h"
#include "webserver/stream.h"
#include "webserver/text/utf8.h"

#define TEXT "text/plain; charset=utf-8"

/* One handler for each entry of the route table. */
MP_REGISTER_ROOT_POINTER(mp_obj_t httpserver_handlers[32]);
_Static_assert(ROUTE_MAX == 32, "httpserver_handlers has a place for each route");

/* The request whose handler is running, until it is answered. There is only one, as handlers cannot
 * re-enter process_queue(). Any Python code that runs meanwhile may answer it, which frees it. */
static transport_request_t *current;
static bool called; /* its handler was called: it cannot be answered before that */

void http_handlers_set(int index, mp_obj_t handler) {
    MP_STATE_VM(httpserver_handlers)[index] = handler;
}

void http_handlers_forget(void) {
    for (int i = 0; i < ROUTE_MAX; i++) {
        http_handlers_set(i, MP_OBJ_NULL);
    }
    current = NULL;
    http_streams_forget();
}

static void respond(unsigned status, const char *content_type, const char *headers,
                    const void *body, size_t length) {
    transport_request_t *request = current;
    current = NULL;
    transport_response_t response = {
        .status = (uint16_t)status,
        .content_type = content_type,
        .extra_headers = headers,
        .body = body,
        .length = length,
    };
    transport_respond(request, &response);
}

static void add_header(vstr_t *lines, mp_obj_t name, mp_obj_t value) {
    size_t name_length, value_length;
    if (!mp_obj_is_str_or_bytes(value)) {
        value = mp_obj_str_make_new(&mp_type_str, 1, 0, &value); /* may run a __str__ */
    }
    const char *n = mp_obj_str_get_data(name, &name_length);
    const char *v = mp_obj_str_get_data(value, &value_length);
    if (!http_is_token(n, name_length) || !http_is_field_value(v, value_length)) {
        mp_raise_ValueError(MP_ERROR_TEXT("invalid header name or value"));
    }
    if (http_is_framing_field(n, name_length)) {
        mp_raise_msg_varg(&mp_type_ValueError,
                          MP_ERROR_TEXT("%s: the server sends it itself, leave it out"), n);
    }
    if (name_length == 12 && strncasecmp(n, "content-type", name_length) == 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("pass the Content-Type as content_type="));
    }
    vstr_add_strn(lines, n, name_length);
    vstr_add_strn(lines, ": ", 2);
    vstr_add_strn(lines, v, value_length);
    vstr_add_strn(lines, "\r\n", 2);
}

/* Takes a dict or a sequence of (name, value). Iterators and __str__ may be in Python and change
 * the dict. */
static void add_headers(vstr_t *lines, mp_obj_t headers) {
    if (mp_obj_is_dict_or_ordereddict(headers)) {
        mp_map_t *map = mp_obj_dict_get_map(headers);
        for (size_t i = 0; i < map->alloc; i++) {
            if (mp_map_slot_is_filled(map, i)) {
                add_header(lines, map->table[i].key, map->table[i].value);
            }
        }
        return;
    }
    mp_obj_iter_buf_t buffer;
    mp_obj_t iterator = mp_getiter(headers, &buffer), pair;
    while ((pair = mp_iternext(iterator)) != MP_OBJ_STOP_ITERATION) {
        mp_obj_t *items;
        mp_obj_get_array_fixed_n(pair, 2, &items);
        add_header(lines, items[0], items[1]);
    }
}

static void raise_without_request(void) {
    if (!current || !called) {
        mp_raise_msg(&mp_type_RuntimeError, MP_ERROR_TEXT("no request awaits a response"));
    }
}

/* `first`: the first piece, which a generator has yielded already, or MP_OBJ_NULL. */
static bool send_from(mp_obj_t content, mp_obj_t first, unsigned status, const char *content_type,
                      mp_obj_t headers, size_t most) {
    raise_without_request();
    if (status < 200 || status > 999) {
        mp_raise_ValueError(MP_ERROR_TEXT("status must be 200 to 999"));
    }
    if (content_type && !http_is_field_value(content_type, strlen(content_type))) {
        mp_raise_ValueError(MP_ERROR_TEXT("content_type contains a control character"));
    }
    vstr_t lines;
    vstr_init(&lines, 16);
    if (headers != mp_const_none) {
        add_headers(&lines, headers);
    }
    const char *extra_headers = vstr_null_terminated_str(&lines);
    mp_buffer_info_t body = {.buf = NULL, .len = 0};
    bool streamed = content != mp_const_none && !mp_get_buffer(content, &body, MP_BUFFER_READ);
    if (streamed) {
        content = http_streams_source(content, &body.len);
    }
    if (body.len == TRANSPORT_UNKNOWN_LENGTH && most != SIZE_MAX) {
        mp_raise_ValueError(MP_ERROR_TEXT("length needs content of a known length"));
    }
    body.len = body.len < most ? body.len : most;
    /* From here to the response nothing runs Python or allocates in its heap (a collection closes
     * files, whose block device may be in Python), so the request and the buffer stay valid. */
    raise_without_request();
    if (streamed && !http_streams_room()) {
        respond(503, TEXT, "Retry-After: 1\r\n", "503 Service Unavailable\n", 24);
        http_streams_add(0, content, first);
        return false;
    }
    transport_request_t *request = current;
    current = NULL;
    transport_response_t response = {
        .status = (uint16_t)status,
        .content_type = content_type,
        .extra_headers = extra_headers,
        .body = body.buf,
        .length = body.len,
    };
    if (streamed) {
        transport_stream_t stream;
        bool answered = transport_respond_stream(request, &response, &stream);
        vstr_clear(&lines);
        http_streams_add(stream, content, first);
        return answered;
    }
    bool sent = transport_respond(request, &response);
    vstr_clear(&lines);
    return sent;
}

bool http_handlers_send(mp_obj_t content, unsigned status, const char *content_type,
                        mp_obj_t headers, size_t most) {
    return send_from(content, MP_OBJ_NULL, status, content_type, headers, most);
}

static mp_obj_t text_object(const char *text, size_t length) {
    /* Text that is not UTF-8 (allowed in values by RFC 9110 section 5.5) becomes bytes. */
    if (utf8_valid(text, length)) {
        return mp_obj_new_str(text, length);
    }
    return mp_obj_new_bytes((const byte *)text, length);
}

static void put_header(mp_obj_t dict, const char *name, const char *value) {
    mp_map_elem_t *element = mp_map_lookup(
        mp_obj_dict_get_map(dict), text_object(name, strlen(name)), MP_MAP_LOOKUP_ADD_IF_NOT_FOUND);
    size_t length = strlen(value);
    if (element->value == MP_OBJ_NULL) {
        element->value = text_object(value, length);
        return;
    }
    /* RFC 9110 section 5.3: repeated fields form one list. It is bytes if any of them is. */
    size_t before;
    const char *list = mp_obj_str_get_data(element->value, &before);
    vstr_t vstr;
    vstr_init(&vstr, before + 2 + length);
    vstr_add_strn(&vstr, list, before);
    vstr_add_strn(&vstr, ", ", 2);
    vstr_add_strn(&vstr, value, length);
    element->value = text_object(vstr.buf, vstr.len);
    vstr_clear(&vstr);
}

/* An absolute-form target's authority replaces Host (RFC 9112 section 3.2.2). */
static mp_obj_t headers_object(const char *headers, const char *authority) {
    mp_obj_t dict = mp_obj_new_dict(0);
    if (authority) {
        put_header(dict, "host", authority);
    }
    while (*headers) {
        const char *value = headers + strlen(headers) + 1;
        if (!authority || strcmp(headers, "host") != 0) {
            put_header(dict, headers, value);
        }
        headers = value + strlen(value) + 1;
    }
    return dict;
}

static mp_obj_t request_object(const transport_request_t *request) {
    static const qstr fields[] = {MP_QSTR_method,  MP_QSTR_uri,  MP_QSTR_path,  MP_QSTR_query,
                                  MP_QSTR_headers, MP_QSTR_body, MP_QSTR_secure};
    transport_request_view_t view;
    transport_request_view(request, &view);
    size_t path = route_path_length(view.target);
    const char *query = view.target[path] == '?' ? view.target + path + 1 : "";
    mp_obj_t items[] = {
        mp_obj_new_str(view.method, strlen(view.method)),
        text_object(view.target, strlen(view.target)),
        text_object(view.target, path),
        text_object(query, strcspn(query, "#")),
        headers_object(view.headers, view.authority),
        mp_obj_new_bytes(view.body, view.body_length),
        mp_obj_new_bool(view.scheme == SERVER_HTTPS),
    };
    return mp_obj_new_attrtuple(fields, MP_ARRAY_SIZE(items), items);
}

static void answer_with(mp_obj_t result) {
    if (!current) {
        return; /* the handler has called send() */
    }
    if (result == mp_const_none) {
        respond(204, NULL, NULL, NULL, 0);
        return;
    }
    mp_buffer_info_t body;
    if (!mp_get_buffer(result, &body, MP_BUFFER_READ)) {
        send_from(result, MP_OBJ_NULL, 200, TEXT, mp_const_none, SIZE_MAX);
        return;
    }
    respond(200, mp_obj_is_str(result) ? TEXT : "application/octet-stream", NULL, body.buf,
            body.len);
}

/* The result of a handler that is a generator, or a coroutine, which MicroPython cannot tell apart:
 * it runs to its first piece, or to its end if it returns its result. What it raises until then
 * becomes a 500. */
static void answer_with_generator(mp_obj_t generator) {
    mp_obj_t first = mp_iternext(generator);
    if (first == MP_OBJ_STOP_ITERATION) {
        mp_obj_t result = MP_STATE_THREAD(stop_iteration_arg);
        answer_with(result == MP_OBJ_NULL ? mp_const_none : result);
        return;
    }
    if (first != mp_const_none) {
        http_streams_check_piece(first);
    }
    if (current) { /* else it has called send() */
        send_from(generator, first, 200, TEXT, mp_const_none, SIZE_MAX);
    }
}

static void call_handler(void) {
    mp_obj_t object = request_object(current); /* allocates: see http_handlers_send() */
    transport_request_view_t view;
    transport_request_view(current, &view);
    int index;
    if (server_route_find(view.target, view.method, &index) != ROUTE_FOUND) {
        respond(404, TEXT, NULL, "404 Not Found\n", 14); /* off() was called since */
        return;
    }
    called = true;
    mp_obj_t result = mp_call_function_1(MP_STATE_VM(httpserver_handlers)[index], object);
    if (mp_obj_is_type(result, &mp_type_gen_instance)) {
        answer_with_generator(result);
    } else {
        answer_with(result);
    }
}

void http_handlers_run(server_item_t *item) {
    current = item->request;
    called = false;
    server_item_free(item);
    transport_request_view_t view;
    transport_request_view(current, &view);
    server_scheme_t scheme = view.scheme;
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        call_handler();
        nlr_pop();
        return;
    }
    if (current) {
        respond(500, TEXT, NULL, "500 Internal Server Error\n", 26);
    }
    server_handler_failed(nlr.ret_val, scheme);
}
