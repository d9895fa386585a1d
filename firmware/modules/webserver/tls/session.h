/* SPDX-License-Identifier: MIT */
/* TLS on a connection: configuration, handshakes and their errors. */
#ifndef ESPBENCH_WEBSERVER_TLS_SESSION_H
#define ESPBENCH_WEBSERVER_TLS_SESSION_H

#include "webserver/connection.h"

int tls_start(tls_identity_t *identity);
void tls_stop(void);

/* Continues a handshake. IO_OK: done. IO_ENDED: failed and logged; the connection is closing. */
io_result_t tls_handshake(connection_t *connection);
void tls_free(connection_t *connection);

#endif
