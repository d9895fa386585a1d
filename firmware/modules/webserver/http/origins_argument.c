/* SPDX-License-Identifier: MIT */
#include "webserver/http/origins_argument.h"

#include <string.h>

#include "py/mperrno.h"
#include "webserver/http/origin.h"
#include "webserver/port.h"

/* Checks the entries; returns the size of the list in bytes. */
static size_t check(const mp_obj_t *items, size_t count, bool (*valid)(const char *),
                    mp_rom_error_text_t invalid) {
    size_t total = 1;
    for (size_t i = 0; i < count; i++) {
        const char *entry = mp_obj_str_get_str(items[i]);
        if (!valid(entry)) {
            mp_raise_ValueError(invalid);
        }
        total += strlen(entry) + 1;
    }
    return total;
}

char *server_list_new(mp_obj_t list, qstr name, bool (*valid)(const char *),
                      mp_rom_error_text_t invalid) {
    if (list == mp_const_none) {
        return NULL;
    }
    size_t count;
    mp_obj_t *items;
    if (mp_obj_is_str(list)) {
        mp_raise_msg_varg(&mp_type_TypeError,
                          MP_ERROR_TEXT("%q must be a list or tuple of strings"), name);
    }
    mp_obj_get_array(list, &count, &items);
    char *entries = net_malloc(check(items, count, valid, invalid));
    if (!entries) {
        mp_raise_OSError(MP_ENOMEM);
    }
    char *at = entries;
    for (size_t i = 0; i < count; i++) {
        const char *entry = mp_obj_str_get_str(items[i]);
        at = strcpy(at, entry) + strlen(entry) + 1;
    }
    *at = 0;
    return entries;
}

char *server_origins_new(mp_obj_t origins) {
    return server_list_new(origins, MP_QSTR_origins, origin_entry_valid,
                           MP_ERROR_TEXT("an origin must be scheme://host[:port], null or *"));
}
