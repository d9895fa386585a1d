/* SPDX-License-Identifier: MIT */
/* What httpserver.info() says about a listener. */
#ifndef ESPBENCH_HTTPSERVER_INFO_H
#define ESPBENCH_HTTPSERVER_INFO_H

#include "py/obj.h"
#include "webserver/transport.h"

/* A dict with port and max, for TLS the certificate too; None when it does not listen. */
mp_obj_t server_info_listener(server_scheme_t scheme, const transport_options_t *options);

#endif
