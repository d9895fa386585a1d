/* SPDX-License-Identifier: MIT */
/* Clients that offer versions after TLS 1.2. */
#ifndef ESPBENCH_WEBSERVER_TLS_CLIENT_VERSION_H
#define ESPBENCH_WEBSERVER_TLS_CLIENT_VERSION_H

#include "mbedtls/ssl.h"

/* Lets a new session negotiate TLS 1.2 with a client that offers a later client_version without the
 * extension supported_versions (RFC 5246 appendix E.1, RFC 8446 section 4.2.1). A client whose
 * supported_versions lacks TLS 1.2 ends it with MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION; Mbed TLS with
 * TLS 1.2 alone would miss a cipher suite. Call it after mbedtls_ssl_setup(). */
void tls_negotiate_tls12(mbedtls_ssl_context *ssl);

#endif
