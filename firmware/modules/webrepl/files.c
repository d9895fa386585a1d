/* SPDX-License-Identifier: MIT */
#include "files.h"

#include <string.h>

#include "extmod/vfs.h"
#include "py/builtin.h"
#include "py/mperrno.h"
#include "py/objtuple.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "request.h"
#include "session.h"
#include "webserver/stream.h"

#define CHUNK 256      /* bytes of a file in one frame of a download, as in upstream */
#define FOLDERS_DEEP 8 /* how deep leftovers are searched for */
#define S_IFDIR 0x4000

/* The file being read or written. */
MP_REGISTER_ROOT_POINTER(mp_obj_t webrepl_file);

typedef enum { NO_TRANSFER, PUT, GET } transfer_t;

static webrepl_request_t request;
static transfer_t transfer;
static uint32_t left; /* bytes of an upload still to come */
static int failed;    /* errno of a failed upload, whose rest is only counted */
static char upload[WEBREPL_NAME_MAX + sizeof WEBREPL_UPLOAD_NAME];

bool webrepl_files_busy(void) { return transfer != NO_TRANSFER || request.length > 0; }

static void answer(int code) {
    uint8_t frame[4] = {'W', 'B', (uint8_t)code, (uint8_t)(code >> 8)};
    webrepl_output_binary(frame, sizeof frame);
}

/* ---- the file system: each call returns 0 or an errno ---- */

typedef void (*action_t)(const void *argument);

static int errno_of(mp_obj_t exception) {
    mp_obj_t type = MP_OBJ_FROM_PTR(mp_obj_get_type(exception));
    if (mp_obj_is_subclass_fast(type, MP_OBJ_FROM_PTR(&mp_type_MemoryError))) {
        return MP_ENOMEM;
    }
    mp_obj_t value = mp_obj_is_subclass_fast(type, MP_OBJ_FROM_PTR(&mp_type_OSError))
                         ? mp_obj_exception_get_value(exception)
                         : mp_const_none;
    return mp_obj_is_small_int(value) && MP_OBJ_SMALL_INT_VALUE(value) > 0
               ? (int)MP_OBJ_SMALL_INT_VALUE(value)
               : MP_EIO;
}

static int attempt(action_t action, const void *argument) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        action(argument);
        nlr_pop();
        return 0;
    }
    return errno_of(MP_OBJ_FROM_PTR(nlr.ret_val));
}

static mp_obj_t string(const char *text) { return mp_obj_new_str(text, strlen(text)); }

static void open_file(const char *name, qstr mode) {
    mp_obj_t args[] = {string(name), MP_OBJ_NEW_QSTR(mode)};
    mp_obj_t file = mp_vfs_open(MP_ARRAY_SIZE(args), args, (mp_map_t *)&mp_const_empty_map);
    int operation = mode == MP_QSTR_rb ? MP_STREAM_OP_READ : MP_STREAM_OP_WRITE;
    MP_STATE_VM(webrepl_file) = server_stream(file, operation | MP_STREAM_OP_IOCTL);
}

static bool is_folder(const char *name) { return mp_import_stat(name) == MP_IMPORT_STAT_DIR; }

static void do_close(const void *unused) {
    (void)unused;
    mp_obj_t file = MP_STATE_VM(webrepl_file);
    MP_STATE_VM(webrepl_file) = MP_OBJ_NULL;
    if (file != MP_OBJ_NULL) {
        mp_stream_close(file);
    }
}

static void do_remove(const void *name) { mp_vfs_remove(string(name)); }

static void do_rename(const void *unused) {
    (void)unused;
    mp_vfs_rename(string(upload), string(request.name));
}

static void do_write(const void *buffer_info) {
    const mp_buffer_info_t *piece = buffer_info;
    int error = server_stream_write(MP_STATE_VM(webrepl_file), piece->buf, piece->len);
    if (error != 0) {
        mp_raise_OSError(error);
    }
}

/* buffer_info: the destination; its length becomes the number of bytes read. */
static void do_read(const void *buffer_info) {
    mp_buffer_info_t *piece = (mp_buffer_info_t *)buffer_info;
    int error = server_stream_read(MP_STATE_VM(webrepl_file), piece->buf, CHUNK, &piece->len);
    if (error != 0) {
        mp_raise_OSError(error);
    }
}

/* Raises ENOSPC for a file that cannot fit in the free blocks (os.statvfs()). */
static void check_room(void) {
    char folder[sizeof upload];
    strcpy(folder, upload);
    char *slash = strrchr(folder, '/');
    if (slash) {
        slash[slash == folder] = 0;
    }
    mp_obj_t *figures;
    mp_obj_get_array_fixed_n(mp_vfs_statvfs(string(slash ? folder : "")), 10, &figures);
    uint64_t block = (uint64_t)mp_obj_get_int(figures[0]);
    uint64_t blocks = (uint64_t)mp_obj_get_int(figures[3]);
    if (block * blocks < request.size) {
        mp_raise_OSError(MP_ENOSPC);
    }
}

static void do_begin_upload(const void *unused) {
    (void)unused;
    if (is_folder(request.name)) {
        mp_raise_OSError(MP_EISDIR);
    }
    webrepl_upload_path(request.name, upload);
    check_room();
    open_file(upload, MP_QSTR_wb);
}

static void do_begin_download(const void *unused) {
    (void)unused;
    if (is_folder(request.name)) {
        mp_raise_OSError(MP_EISDIR);
    }
    open_file(request.name, MP_QSTR_rb);
}

/* ---- transfers ---- */

static void next_request(void) {
    transfer = NO_TRANSFER;
    webrepl_request_clear(&request);
}

static void discard_upload(void) {
    attempt(do_close, NULL);
    attempt(do_remove, upload);
}

/* The upload is complete. */
static void end_upload(void) {
    int error = failed;
    if (!error) {
        error = attempt(do_close, NULL);
        if (!error) {
            error = attempt(do_rename, NULL);
        }
        if (error) {
            discard_upload();
        }
    }
    next_request();
    answer(error);
}

static void begin_upload(void) {
    int error = attempt(do_begin_upload, NULL);
    if (error) {
        next_request();
        answer(error);
        return;
    }
    transfer = PUT;
    left = request.size;
    failed = 0;
    answer(0);
    if (left == 0) {
        end_upload();
    }
}

static size_t take_upload(const uint8_t *data, size_t length) {
    size_t used = length < left ? length : left;
    mp_buffer_info_t piece = {.buf = (void *)data, .len = used};
    if (!failed) {
        failed = attempt(do_write, &piece);
        if (failed) {
            discard_upload();
        }
    }
    left -= used;
    if (left == 0) {
        end_upload();
    }
    return used;
}

static void begin_download(void) {
    int error = attempt(do_begin_download, NULL);
    if (error) {
        next_request();
    } else {
        transfer = GET;
    }
    answer(error);
}

/* Called when the client asks for the next piece. */
static void send_piece(void) {
    uint8_t frame[2 + CHUNK];
    mp_buffer_info_t piece = {.buf = frame + 2};
    int error = attempt(do_read, &piece);
    size_t n = error ? 0 : piece.len;
    frame[0] = (uint8_t)n;
    frame[1] = (uint8_t)(n >> 8);
    webrepl_output_binary(frame, 2 + n);
    if (n == 0) {
        attempt(do_close, NULL);
        next_request();
        answer(error);
    }
}

static void send_version(void) {
    static const uint8_t version[] = {MICROPY_VERSION_MAJOR, MICROPY_VERSION_MINOR,
                                      MICROPY_VERSION_MICRO};
    next_request();
    webrepl_output_binary(version, sizeof version);
}

static void run_request(void) {
    bool get = request.operation == WEBREPL_GET, put = request.operation == WEBREPL_PUT;
    if (request.operation == WEBREPL_VERSION) {
        send_version();
    } else if ((!get && !put) || !request.name_good || request.offset != 0) {
        next_request();
        answer(MP_EINVAL);
    } else if (put) {
        begin_upload();
    } else {
        begin_download();
    }
}

/* Returns the number of bytes used: all of them when this cannot be a request. */
static size_t take_request(const uint8_t *data, size_t length) {
    size_t used = webrepl_request_feed(&request, data, length);
    if (webrepl_request_complete(&request)) {
        if (!request.signature_good) {
            next_request();
            answer(MP_EINVAL);
            return length;
        }
        run_request();
    }
    return used;
}

void webrepl_files_input(const uint8_t *data, size_t length) {
    while (length > 0) {
        size_t used = 1;
        if (transfer == PUT) {
            used = take_upload(data, length);
        } else if (transfer == GET) {
            send_piece();
        } else {
            used = take_request(data, length);
        }
        data += used;
        length -= used;
    }
}

void webrepl_files_abort(void) {
    if (transfer == PUT && !failed) {
        discard_upload();
    } else if (transfer == GET) {
        attempt(do_close, NULL);
    }
    next_request();
}

/* ---- leftovers ---- */

static mp_obj_t list_of(mp_obj_t iterable) {
    return mp_call_function_1(MP_OBJ_FROM_PTR(&mp_type_list), iterable);
}

static void clean(mp_obj_t folder, int depth);

/* entry: name, type, ... as os.ilistdir() gives it */
static void clean_entry(mp_obj_t folder, mp_obj_t entry, int depth) {
    size_t count;
    mp_obj_t *fields;
    mp_obj_get_array(entry, &count, &fields);
    mp_obj_t slash = MP_OBJ_NEW_QSTR(MP_QSTR__slash_);
    mp_obj_t path =
        mp_binary_op(MP_BINARY_OP_ADD, folder, mp_binary_op(MP_BINARY_OP_ADD, slash, fields[0]));
    if (mp_obj_get_int(fields[1]) & S_IFDIR) {
        if (depth > 0) {
            clean(path, depth - 1);
        }
    } else if (strcmp(mp_obj_str_get_str(fields[0]), WEBREPL_UPLOAD_NAME) == 0) {
        mp_vfs_remove(path);
    }
}

static void clean(mp_obj_t folder, int depth) {
    mp_obj_t root = MP_OBJ_NEW_QSTR(MP_QSTR__slash_);
    mp_obj_t path = mp_obj_is_true(folder) ? folder : root;
    /* a list first: not every file system can remove files while a directory is being read */
    mp_obj_t entries = list_of(mp_vfs_ilistdir(1, &path));
    size_t count;
    mp_obj_t *items;
    mp_obj_get_array(entries, &count, &items);
    for (size_t i = 0; i < count; i++) {
        clean_entry(folder, items[i], depth);
    }
}

static void do_clean(const void *unused) {
    (void)unused;
    clean(MP_OBJ_NEW_QSTR(MP_QSTR_), FOLDERS_DEEP);
}

void webrepl_files_clean(void) { attempt(do_clean, NULL); }
