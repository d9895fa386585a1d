/* SPDX-License-Identifier: MIT */
/* Clients whose ClientHello has a client_version that Mbed TLS does not know. */
#ifndef ESPBENCH_WEBSERVER_TLS_CLIENT_VERSION_H
#define ESPBENCH_WEBSERVER_TLS_CLIENT_VERSION_H

#include "mbedtls/ssl.h"

/* Lets a new session negotiate TLS 1.2 with a client that offers a later client_version without the
 * extension supported_versions (RFC 5246 appendix E.1, RFC 8446 section 4.2.1). Call it after
 * mbedtls_ssl_setup(). */
void tls_accept_later_versions(mbedtls_ssl_context *ssl);

#endif
