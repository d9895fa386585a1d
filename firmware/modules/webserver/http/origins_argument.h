/* SPDX-License-Identifier: MIT */
/* The origins= argument of wsserver.start() and webrepl.start(). MicroPython's thread. */
#ifndef ESPBENCH_WEBSERVER_HTTP_ORIGINS_ARGUMENT_H
#define ESPBENCH_WEBSERVER_HTTP_ORIGINS_ARGUMENT_H

#include "py/obj.h"

/* None gives NULL; a sequence of strings gives a list for origin_allowed(), in the network heap and
 * the caller's. Raises TypeError, ValueError for an entry that can match nothing, OSError(ENOMEM).
 */
char *server_origins_new(mp_obj_t origins);

#endif
