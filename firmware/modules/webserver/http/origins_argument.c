/* SPDX-License-Identifier: MIT */
#include "webserver/http/origins_argument.h"

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"
#include "webserver/http/origin.h"
#include "webserver/port.h"

/* Checks the entries; returns the size of the list in bytes. */
static size_t check(const mp_obj_t *items, size_t count) {
    size_t total = 1;
    for (size_t i = 0; i < count; i++) {
        const char *entry = mp_obj_str_get_str(items[i]);
        if (!origin_entry_valid(entry)) {
            mp_raise_ValueError(MP_ERROR_TEXT("an origin must be scheme://host[:port], null or *"));
        }
        total += strlen(entry) + 1;
    }
    return total;
}

char *server_origins_new(mp_obj_t origins) {
    if (origins == mp_const_none) {
        return NULL;
    }
    size_t count;
    mp_obj_t *items;
    if (mp_obj_is_str(origins)) {
        mp_raise_TypeError(MP_ERROR_TEXT("origins must be a list or tuple of strings"));
    }
    mp_obj_get_array(origins, &count, &items);
    char *list = net_malloc(check(items, count));
    if (!list) {
        mp_raise_OSError(MP_ENOMEM);
    }
    char *at = list;
    for (size_t i = 0; i < count; i++) {
        const char *entry = mp_obj_str_get_str(items[i]);
        at = strcpy(at, entry) + strlen(entry) + 1;
    }
    *at = 0;
    return list;
}
