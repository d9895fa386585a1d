/* SPDX-License-Identifier: MIT */
/* What is done with a ClientHello before Mbed TLS reads it. */
#ifndef ESPBENCH_WEBSERVER_TLS_CLIENT_VERSION_H
#define ESPBENCH_WEBSERVER_TLS_CLIENT_VERSION_H

#include "mbedtls/ssl.h"

/* Lets a new session negotiate TLS 1.2 with a client that offers a later client_version without the
 * extension supported_versions (RFC 5246 appendix E.1, RFC 8446 section 4.2.1). A client whose
 * supported_versions lacks TLS 1.2 ends it with MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION; Mbed TLS with
 * TLS 1.2 alone would miss a cipher suite. A hello that Mbed TLS would take in spite of a fault
 * (client_hello.h) ends it with MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER or MBEDTLS_ERR_SSL_DECODE_ERROR.
 * In TLS 1.3, Mbed TLS hashes in pieces, and its own tests are all. Call it after
 * mbedtls_ssl_setup(). */
void tls_negotiate_tls12(mbedtls_ssl_context *ssl);

#endif
