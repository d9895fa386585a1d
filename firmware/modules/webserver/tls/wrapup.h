/* SPDX-License-Identifier: MIT */
/* What a handshake leaves behind. */
#ifndef ESPBENCH_WEBSERVER_TLS_WRAPUP_H
#define ESPBENCH_WEBSERVER_TLS_WRAPUP_H

#include "mbedtls/ssl.h"

/* Frees the memory of a complete handshake: Mbed TLS 3 does so for TLS 1.2, but keeps that of
 * TLS 1.3, 3.6 kB, until the session ends. ESP-IDF's dynamic buffers (before v5.5) keep the one for
 * the Finished of a resumed session, and would write the next record to it, whatever its length.
 * Returns 0, or Mbed TLS's error code, after which the session cannot be used. */
int tls_free_handshake(mbedtls_ssl_context *ssl);

#endif
