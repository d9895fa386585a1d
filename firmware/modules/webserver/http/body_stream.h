/* SPDX-License-Identifier: MIT */
/* Response bodies that MicroPython writes piece by piece. */
#ifndef ESPBENCH_WEBSERVER_HTTP_BODY_STREAM_H
#define ESPBENCH_WEBSERVER_HTTP_BODY_STREAM_H

#include "webserver/connection.h"

bool stream_has_room(const connection_t *connection);

#endif
