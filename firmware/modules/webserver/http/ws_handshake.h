/* SPDX-License-Identifier: MIT */
/*
 * The opening handshake of RFC 6455, section 4.2. Pure: the hash function is passed in.
 */
#ifndef ESPBENCH_WEBSERVER_HTTP_WS_HANDSHAKE_H
#define ESPBENCH_WEBSERVER_HTTP_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_ACCEPT_SIZE 29 /* 28 characters of base64 and NUL */

typedef enum {
    WS_UPGRADE_NONE,        /* no Upgrade to WebSocket requested: 426 */
    WS_UPGRADE_OK,          /* go on */
    WS_UPGRADE_BAD,         /* malformed: 400 */
    WS_UPGRADE_BAD_VERSION, /* not version 13: 426 with Sec-WebSocket-Version (section 4.4) */
} ws_upgrade_t;

/* Checks a request's headers (see http_header()); the caller checks the method. Lenient: the
 * version may be missing, and the key may be any text of up to 24 bytes. */
ws_upgrade_t ws_check_upgrade(const char *headers, bool lenient);

/* Whether a Sec-WebSocket-Key is the base64 of 16 bytes. */
bool ws_key_valid(const char *key);

/* The first of the subprotocols that a client offers, in its order of preference, that is among
 * these (name NUL ... NUL, or NULL); "" if there is none (section 4.2.2). */
const char *ws_choose_protocol(const char *headers, const char *protocols);

typedef bool (*ws_sha1_t)(const uint8_t *data, size_t length, uint8_t digest[20]);

/* The Sec-WebSocket-Accept of a key that was checked; false when the hash fails. */
bool ws_accept(const char *key, ws_sha1_t sha1, char out[WS_ACCEPT_SIZE]);

#endif
