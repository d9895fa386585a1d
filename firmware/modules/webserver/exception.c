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

void server_handler_failed(void *exception, server_scheme_t scheme) {
    mp_obj_t object = MP_OBJ_FROM_PTR(exception);
    mp_obj_t type = MP_OBJ_FROM_PTR(mp_obj_get_type(object));
    if (!mp_obj_is_subclass_fast(type, MP_OBJ_FROM_PTR(&mp_type_Exception))) {
        nlr_raise(object); /* KeyboardInterrupt, SystemExit */
    }
    server_failure(scheme, CAUSE_HANDLER_ERROR, "a handler failed:");
    void *raised = server_print_exception(exception);
    if (raised) {
        nlr_jump(raised);
    }
}
