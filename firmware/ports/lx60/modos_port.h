/* SPDX-License-Identifier: MIT */
/* Included by extmod/modos.c, which has had its own os.urandom() since v1.28: that calls
 * mp_hal_get_random(). */
#include "py/runtime.h"

#if MICROPY_VERSION < MICROPY_MAKE_VERSION(1, 28, 0)
static mp_obj_t mp_os_urandom(mp_obj_t num) {
    mp_int_t n = mp_obj_get_int(num);
    vstr_t vstr;
    vstr_init_len(&vstr, n);
    board_entropy((unsigned char *)vstr.buf, n);
    return mp_obj_new_bytes_from_vstr(&vstr);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_os_urandom_obj, mp_os_urandom);
#endif
