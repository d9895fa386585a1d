/* SPDX-License-Identifier: MIT */
#include "pem_file.h"

#include <stdio.h>
#include <string.h>

#include "mbedtls/platform_util.h"
#include "py/builtin.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "webserver/port.h"
#include "webserver/stream.h"
#include "webserver/tls/credentials.h"

/* Opens a file for reading. Returns 0 or an errno. */
static int open_file(const char *path, mp_obj_t *file) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t args[2] = {mp_obj_new_str(path, strlen(path)), MP_OBJ_NEW_QSTR(MP_QSTR_rb)};
        mp_obj_t opened = mp_call_function_n_kw(MP_OBJ_FROM_PTR(&mp_builtin_open_obj), 2, 0, args);
        *file = server_stream(opened, MP_STREAM_OP_READ | MP_STREAM_OP_IOCTL);
        nlr_pop();
        return 0;
    }
    mp_obj_t exception = MP_OBJ_FROM_PTR(nlr.ret_val);
    mp_obj_t type = MP_OBJ_FROM_PTR(mp_obj_get_type(exception));
    if (!mp_obj_is_subclass_fast(type, MP_OBJ_FROM_PTR(&mp_type_OSError))) {
        if (mp_obj_is_subclass_fast(type, MP_OBJ_FROM_PTR(&mp_type_MemoryError))) {
            return MP_ENOMEM;
        }
        nlr_raise(exception);
    }
    mp_int_t code = 0;
    mp_obj_get_int_maybe(mp_obj_exception_get_value(exception), &code);
    return code ? (int)code : MP_EIO;
}

static int file_size(mp_obj_t file, size_t *size) {
    int error = 0;
    const mp_stream_p_t *stream = mp_get_stream(file);
    struct mp_stream_seek_t seek = {.offset = 0, .whence = MP_SEEK_END};
    if (stream->ioctl(file, MP_STREAM_SEEK, (uintptr_t)&seek, &error) == MP_STREAM_ERROR) {
        return error;
    }
    *size = (size_t)seek.offset;
    seek = (struct mp_stream_seek_t){.offset = 0, .whence = MP_SEEK_SET};
    return stream->ioctl(file, MP_STREAM_SEEK, (uintptr_t)&seek, &error) == MP_STREAM_ERROR ? error
                                                                                            : 0;
}

static void format_error(char *out, size_t size, const char *what, const char *path, int error) {
    switch (error) {
    case MP_ENOENT:
    case MP_ENODEV: /* nothing is mounted there */
        snprintf(out, size, "%s file not found: %s", what, path);
        break;
    case MP_EISDIR:
        snprintf(out, size, "%s file cannot be read: %s is a directory", what, path);
        break;
    case MP_EIO:
        snprintf(out, size, "%s file cannot be read: %s (EIO)", what, path);
        break;
    default:
        snprintf(out, size, "%s file cannot be read: %s (error %d)", what, path, error);
        break;
    }
}

/* Reads all of it, in as many pieces as the stream returns. */
static int read_all(mp_obj_t stream, pem_file_t *file, size_t length) {
    size_t got;
    for (size_t at = 0; at < length; at += got) {
        int error = server_stream_read(stream, file->text + at, length - at, &got);
        if (error != 0 || got == 0) {
            return error ? error : MP_EIO;
        }
    }
    file->text[length] = 0;
    return 0;
}

static bool read_open(pem_file_t *file, mp_obj_t stream, const char *what, const char *path,
                      char *error, size_t error_size) {
    size_t length = 0;
    int code = file_size(stream, &length);
    if (code == 0 && length > TLS_FILE_MAX) {
        snprintf(error, error_size, "%s file is too large: %s has %lu bytes, the limit is %d", what,
                 path, (unsigned long)length, TLS_FILE_MAX);
        return false;
    }
    if (code == 0) {
        file->text = net_calloc(1, length + 1);
        file->size = length + 1;
        if (!file->text) {
            net_heap_figures_t heap = net_heap_figures();
            snprintf(error, error_size,
                     "Memory allocation failed: out of memory (%lu bytes free, largest block %lu)",
                     (unsigned long)heap.free, (unsigned long)heap.largest);
            return false;
        }
        code = read_all(stream, file, length);
    }
    if (code != 0) {
        format_error(error, error_size, what, path, code);
    }
    return code == 0;
}

bool pem_file_read(pem_file_t *file, const char *what, const char *path, char *error,
                   size_t error_size) {
    mp_obj_t stream = MP_OBJ_NULL;
    int code = open_file(path, &stream);
    if (code != 0) {
        format_error(error, error_size, what, path, code);
        return false;
    }
    bool read = read_open(file, stream, what, path, error, error_size);
    int ignored;
    mp_get_stream(stream)->ioctl(stream, MP_STREAM_CLOSE, 0, &ignored);
    return read;
}

void pem_file_free(pem_file_t *file) {
    if (file->text) {
        mbedtls_platform_zeroize(file->text, file->size);
        net_free(file->text);
    }
    *file = (pem_file_t){0};
}
