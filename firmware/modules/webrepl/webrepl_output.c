#include "webrepl_output.h"

#include <string.h>

#include "extmod/misc.h"
#include "py/mperrno.h"
#include "py/mpstate.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "server_port.h"
#include "webrepl_line.h"
#include "ws_frame.h"

#define SEND_US 5000000ull /* a client that takes nothing for so long has lost its output */

static transport_client_t to;
static char batch[1024];
static size_t batched;

void webrepl_output_to(transport_client_t client) {
    to = client;
    batched = 0;
}

static bool send_patiently(size_t length) {
    uint64_t end = board_us() + SEND_US;
    while (transport_ws_open(to)) {
        if (transport_ws_send(to, true, batch, length)) {
            return true;
        }
        if (board_us() >= end) {
            return false;
        }
        board_wait_event(10000);
    }
    return false;
}

void webrepl_output_flush(void) {
    size_t whole = webrepl_utf8_whole(batch, batched);
    if (to && whole) {
        /* What is not UTF-8 must not go into a text frame (RFC 6455 section 5.6). */
        for (size_t i = 0; i < whole && !ws_utf8_valid((const uint8_t *)batch, whole); i++) {
            batch[i] = (batch[i] & 0x80) ? '?' : batch[i];
        }
        send_patiently(whole);
    }
    batched -= whole;
    memmove(batch, batch + whole, batched);
}

void webrepl_output(const char *text, size_t length) {
    while (to && length) {
        size_t n = sizeof batch - batched;
        n = n < length ? n : length;
        memcpy(batch + batched, text, n);
        batched += n;
        text += n;
        length -= n;
        if (batched == sizeof batch) {
            webrepl_output_flush();
        }
    }
}

void webrepl_output_text(const char *text) { webrepl_output(text, strlen(text)); }

static mp_uint_t stream_write(mp_obj_t self, const void *data, mp_uint_t size, int *error) {
    (void)self, (void)error;
    webrepl_output(data, size);
    return size;
}

static mp_uint_t stream_read(mp_obj_t self, void *data, mp_uint_t size, int *error) {
    (void)self, (void)data, (void)size;
    *error = MP_EAGAIN; /* input comes from the queue, line by line */
    return MP_STREAM_ERROR;
}

static mp_uint_t stream_ioctl(mp_obj_t self, mp_uint_t request, uintptr_t arg, int *error) {
    (void)self, (void)error;
    return request == MP_STREAM_POLL ? arg & MP_STREAM_POLL_WR : 0;
}

static const mp_stream_p_t stream = {
    .read = stream_read,
    .write = stream_write,
    .ioctl = stream_ioctl,
};

static MP_DEFINE_CONST_OBJ_TYPE(webrepl_output_type, MP_QSTR_webrepl, MP_TYPE_FLAG_NONE, protocol,
                                &stream);
static const mp_obj_base_t webrepl_output_obj = {&webrepl_output_type};

void webrepl_output_capture(bool on) {
#if MICROPY_PY_OS_DUPTERM
    MP_STATE_VM(dupterm_objs)[0] = on ? MP_OBJ_FROM_PTR(&webrepl_output_obj) : MP_OBJ_NULL;
#else
#error "webrepl needs MICROPY_PY_OS_DUPTERM"
#endif
}
