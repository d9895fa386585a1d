#include "pem_file.h"

#include <stdio.h>
#include <string.h>

#include "mbedtls/platform_util.h"
#include "py/builtin.h"
#include "py/mperrno.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "server_port.h"
#include "tls_identity.h"

/* Opens for reading; the errno of a failure, or 0. */
static int open_file(const char *path, mp_obj_t *file) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_t args[2] = {mp_obj_new_str(path, strlen(path)), MP_OBJ_NEW_QSTR(MP_QSTR_rb)};
        *file = mp_call_function_n_kw(MP_OBJ_FROM_PTR(&mp_builtin_open_obj), 2, 0, args);
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

static void say(char *out, size_t size, const char *what, const char *path, int error) {
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

char *pem_file_read(const char *what, const char *path, size_t *size, char *error,
                    size_t error_size) {
    mp_obj_t file = MP_OBJ_NULL;
    int code = open_file(path, &file);
    if (code != 0) {
        say(error, error_size, what, path, code);
        return NULL;
    }
    char *text = NULL;
    size_t length = 0;
    code = file_size(file, &length);
    if (code != 0) {
        say(error, error_size, what, path, code);
    } else if (length > TLS_FILE_MAX) {
        snprintf(error, error_size, "%s file is too large: %s has %lu bytes, the limit is %d", what,
                 path, (unsigned long)length, TLS_FILE_MAX);
    } else if (!(text = net_malloc(length + 1))) {
        net_heap_figures_t heap = net_heap_figures();
        snprintf(error, error_size,
                 "Memory allocation failed: out of memory (%lu bytes free, largest block %lu)",
                 (unsigned long)heap.free, (unsigned long)heap.largest);
    } else {
        mp_uint_t got = mp_stream_rw(file, text, length, &code, MP_STREAM_RW_READ);
        if (code != 0 || got != length) {
            say(error, error_size, what, path, code ? code : MP_EIO);
            pem_file_free(text, length + 1);
            text = NULL;
        } else {
            text[length] = 0;
            *size = length + 1;
        }
    }
    int ignored;
    mp_get_stream(file)->ioctl(file, MP_STREAM_CLOSE, 0, &ignored);
    return text;
}

void pem_file_free(char *text, size_t size) {
    if (text) {
        mbedtls_platform_zeroize(text, size);
        net_free(text);
    }
}
