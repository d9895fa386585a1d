/* SPDX-License-Identifier: MIT */
/* Arguments of wsserver.start() and webrepl.start() that are lists of strings, such as origins=.
 * MicroPython's thread. */
#ifndef ESPBENCH_WEBSERVER_HTTP_ORIGINS_ARGUMENT_H
#define ESPBENCH_WEBSERVER_HTTP_ORIGINS_ARGUMENT_H

#include "py/runtime.h"

/* Returns NULL for None; for a sequence of strings a list (entry NUL ... NUL) in the network heap,
 * owned by the caller. Raises TypeError, ValueError for an invalid entry, OSError(ENOMEM). */
char *server_list_new(mp_obj_t list, qstr name, bool (*valid)(const char *),
                      mp_rom_error_text_t invalid);

/* The same, for origin_allowed(). */
char *server_origins_new(mp_obj_t origins);

#endif
