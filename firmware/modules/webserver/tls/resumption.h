/* SPDX-License-Identifier: MIT */
/*
 * Resumed sessions of TLS 1.2: by ticket (RFC 5077), which costs no memory per session, and by ID
 * (RFC 5246 section 7.3), for clients without tickets, in a number of places.
 *
 * Only sessions with the extended master secret are kept and resumed (RFC 7627 section 5.3), which
 * Mbed TLS does not see to. TLS 1.3 has no part in this: its tickets need pre-shared keys, without
 * which Mbed TLS is built here.
 */
#ifndef ESPBENCH_WEBSERVER_TLS_RESUMPTION_H
#define ESPBENCH_WEBSERVER_TLS_RESUMPTION_H

#include <stdbool.h>

#include "mbedtls/ssl.h"
#include "webserver/transport.h"

#if defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_TICKET_C)
#define TLS_HAS_TICKETS 1 /* on ESP-IDF: MBEDTLS_{CLIENT,SERVER}_SSL_SESSION_TICKETS */
#else
#define TLS_HAS_TICKETS 0
#endif

/* Makes new keys for tickets and empty places, as the options say. Returns 0, or Mbed TLS's error
 * code. After an error, too, tls_resumption_stop() is due. */
int tls_resumption_start(mbedtls_ssl_config *config, const transport_options_t *options);

/* Zeroizes and frees keys and sessions. */
void tls_resumption_stop(void);

/* Names the session whose handshake goes on: Mbed TLS does not say whose ticket it has. */
void tls_resumption_step(mbedtls_ssl_context *ssl);

/* Whether the session's ClientHello has the extension extended_master_secret. */
void tls_resumption_extended(mbedtls_ssl_context *ssl, bool extended);

/* Forgets the place of a session that a fatal alert ends (RFC 5246 section 7.2). */
void tls_resumption_forget(const mbedtls_ssl_context *ssl);

#endif
