/* SPDX-License-Identifier: MIT */
/* What a ClientHello offers (RFC 8446 section 4.1.2). */
#ifndef ESPBENCH_WEBSERVER_TLS_CLIENT_HELLO_H
#define ESPBENCH_WEBSERVER_TLS_CLIENT_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns false if the extension supported_versions excludes TLS 1.2 (RFC 8446 section 4.2.1).
 * `message` begins with the header of the handshake message. A malformed one gives true: Mbed TLS
 * rejects it. */
bool client_hello_offers_tls12(const uint8_t *message, size_t length);

#endif
