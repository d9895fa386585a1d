/* SPDX-License-Identifier: MIT */
/* The listeners' part of httpserver.info(). */
#ifndef ESPBENCH_HTTPSERVER_INFO_H
#define ESPBENCH_HTTPSERVER_INFO_H

#include "py/obj.h"
#include "webserver/transport.h"

/* A dict with port and max, and for TLS the certificate; None when the server does not listen. */
mp_obj_t server_info_listener(server_scheme_t scheme, const transport_options_t *options);

#endif
