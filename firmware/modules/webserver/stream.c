/* SPDX-License-Identifier: MIT */
#include "webserver/stream.h"

#include <stdbool.h>
#include <string.h>

#include "py/mperrno.h"
#include "py/objtype.h"
#include "py/runtime.h"
#include "py/stream.h"

/* Largest buffer passed to a class in Python. An ESP32's Python heap often lacks a free block of 16
 * kB, which the longest certificate would need. */
#define LENT_MAX 2048

extern const mp_obj_module_t mp_module_io; /* py/modio.c; no header has it */

/* Whether this is an instance of a Python subclass of io.IOBase, whose protocol calls its
 * methods. */
static bool is_python(mp_obj_t stream) {
    const mp_obj_type_t *type = mp_obj_get_type(stream);
    if (!mp_obj_is_instance_type(type)) {
        return false;
    }
    mp_obj_t globals = MP_OBJ_FROM_PTR(mp_module_io.globals);
    const mp_obj_type_t *iobase =
        MP_OBJ_TO_PTR(mp_obj_dict_get(globals, MP_OBJ_NEW_QSTR(MP_QSTR_IOBase)));
    return MP_OBJ_TYPE_GET_SLOT_OR_NULL(type, protocol) == MP_OBJ_TYPE_GET_SLOT(iobase, protocol);
}

mp_obj_t server_stream(mp_obj_t object, int operations) {
    mp_get_stream_raise(object, operations);
    if (!mp_obj_is_instance_type(mp_obj_get_type(object)) || is_python(object)) {
        return object;
    }
    mp_obj_t native = ((const mp_obj_instance_t *)MP_OBJ_TO_PTR(object))->subobj[0];
    if (native == MP_OBJ_SENTINEL) {
        mp_raise_OSError(MP_EBADF); /* the class's __init__ did not call its base class's */
    }
    mp_get_stream_raise(native, operations);
    return native;
}

/* Calls readinto() or write() with a bytearray; returns its result. */
static mp_int_t call(mp_obj_t stream, qstr name, mp_obj_t buffer) {
    mp_obj_t method[3];
    mp_load_method(stream, name, method);
    method[2] = buffer;
    mp_obj_t result = mp_call_method_n_kw(1, 0, method);
    return result == mp_const_none ? -MP_EAGAIN : mp_obj_get_int(result);
}

static int read_python(mp_obj_t stream, void *out, size_t size, size_t *got) {
    size = MIN(size, LENT_MAX);
    mp_obj_t bytes = mp_obj_new_bytearray_by_ref(size, m_new0(byte, size));
    mp_int_t result = call(stream, MP_QSTR_readinto, bytes);
    mp_buffer_info_t buffer; /* as the method left it */
    mp_get_buffer_raise(bytes, &buffer, MP_BUFFER_READ);
    if (result < 0) {
        return (int)-result;
    }
    if ((size_t)result > size || (size_t)result > buffer.len) {
        return MP_EIO;
    }
    memcpy(out, buffer.buf, (size_t)result);
    *got = (size_t)result;
    return 0;
}

int server_stream_read(mp_obj_t stream, void *out, size_t size, size_t *got) {
    *got = 0;
    if (is_python(stream)) {
        return read_python(stream, out, size, got);
    }
    int error = 0;
    mp_uint_t read = mp_stream_rw(stream, out, size, &error, MP_STREAM_RW_READ | MP_STREAM_RW_ONCE);
    *got = error ? 0 : read;
    return error;
}

static int write_python(mp_obj_t stream, const byte *data, size_t size) {
    while (size > 0) {
        size_t lent = MIN(size, LENT_MAX);
        mp_int_t result = call(stream, MP_QSTR_write, mp_obj_new_bytearray(lent, data));
        if (result < 0) {
            return (int)-result;
        }
        if (result == 0 || (size_t)result > lent) {
            return MP_ENOSPC;
        }
        data += result;
        size -= (size_t)result;
    }
    return 0;
}

int server_stream_write(mp_obj_t stream, const void *data, size_t size) {
    if (is_python(stream)) {
        return write_python(stream, data, size);
    }
    int error = 0;
    mp_uint_t written = mp_stream_write_exactly(stream, data, size, &error);
    return error ? error : written == size ? 0 : MP_ENOSPC;
}
