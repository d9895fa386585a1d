/* SPDX-License-Identifier: MIT */
#include "webserver/exception.h"

#include "py/runtime.h"
#include "webserver/server.h"

void *server_print_exception(void *exception) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_obj_print_exception(&mp_plat_print, MP_OBJ_FROM_PTR(exception));
        nlr_pop();
        return NULL;
    }
    const mp_obj_type_t *type = mp_obj_get_type(MP_OBJ_FROM_PTR(nlr.ret_val));
    if (!mp_obj_is_subclass_fast(MP_OBJ_FROM_PTR(type), MP_OBJ_FROM_PTR(&mp_type_Exception))) {
        return nlr.ret_val;
    }
    server_log("(the exception cannot be printed: its class raises %s)", qstr_str(type->name));
    return NULL;
}
