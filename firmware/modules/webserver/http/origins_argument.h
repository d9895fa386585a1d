/* SPDX-License-Identifier: MIT */
/* The origins= argument of wsserver.start() and webrepl.start(). MicroPython's thread. */
#ifndef ESPBENCH_WEBSERVER_HTTP_ORIGINS_ARGUMENT_H
#define ESPBENCH_WEBSERVER_HTTP_ORIGINS_ARGUMENT_H

#include "py/obj.h"

/* Returns NULL for None; for a sequence of strings a list for origin_allowed() in the network heap,
 * owned by the caller. Raises TypeError, ValueError for an invalid entry, OSError(ENOMEM). */
char *server_origins_new(mp_obj_t origins);

#endif
