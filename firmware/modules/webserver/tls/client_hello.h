/* SPDX-License-Identifier: MIT */
/* What a ClientHello offers (RFC 8446 section 4.1.2), and what Mbed TLS overlooks in it. */
#ifndef ESPBENCH_WEBSERVER_TLS_CLIENT_HELLO_H
#define ESPBENCH_WEBSERVER_TLS_CLIENT_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    HELLO_OK,        /* also if it is malformed where Mbed TLS looks and refuses it */
    HELLO_NO_TLS12,  /* the extension supported_versions excludes TLS 1.2 (RFC 8446 4.2.1) */
    HELLO_ILLEGAL,   /* no null compression, or an extension or a type of name twice (RFC 5246
                        sections 7.4.1.2 and 7.4.1.4, RFC 6066 section 3) */
    HELLO_MALFORMED, /* in the extension server_name (RFC 6066 section 3) */
} client_hello_t;

/* `message` begins with the header of the handshake message. `extended`: whether it has the
 * extension extended_master_secret (RFC 7627). */
client_hello_t client_hello_judge(const uint8_t *message, size_t length, bool *extended);

#endif
