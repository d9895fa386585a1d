/* SPDX-License-Identifier: MIT */
/* TLS on a connection: configuration, handshakes and their errors. */
#ifndef ESPBENCH_WEBSERVER_TLS_SESSION_H
#define ESPBENCH_WEBSERVER_TLS_SESSION_H

#include "webserver/connection.h"
#include "webserver/tls/records.h"

struct tls_session {
    mbedtls_ssl_context ssl;
    tls_records_t records;
    bool alerted; /* it has sent an alert */
    bool resumed; /* its handshake resumes a session */
};

/* Returns 0, or Mbed TLS's error code. */
int tls_start(const transport_options_t *options);
void tls_stop(void);

/* Continues a handshake. IO_OK: done. IO_ENDED: failed and logged; the connection is closing. */
io_result_t tls_handshake(connection_t *connection);
void tls_free(connection_t *connection);

/* As mbedtls_ssl_read(), which returns 0 at the end of the connection and for an empty record.
 * `memory`: an allocation failed meanwhile. */
int tls_read(connection_t *connection, uint8_t *data, size_t size, bool *memory);

#endif
