/* SPDX-License-Identifier: MIT */
#include "webserver/http/ws_handshake.h"

#include <string.h>

#include "webserver/http/message.h"

#define KEY_LENGTH 24 /* base64 of 16 bytes: 22 characters and "==" */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool ws_key_valid(const char *key) {
    if (strlen(key) != KEY_LENGTH || key[22] != '=' || key[23] != '=') {
        return false;
    }
    return strspn(key, alphabet) == 22;
}

ws_upgrade_t ws_check_upgrade(const char *headers) {
    const char *upgrade = http_header(headers, "upgrade", NULL);
    if (!upgrade || !http_has_token(upgrade, "websocket")) {
        return WS_UPGRADE_NONE;
    }
    const char *connection = http_header(headers, "connection", NULL);
    if (!connection || !http_has_token(connection, "upgrade")) {
        return WS_UPGRADE_BAD;
    }
    unsigned versions, keys;
    const char *version = http_header(headers, "sec-websocket-version", &versions);
    if (!version || versions != 1 || strcmp(version, "13") != 0) {
        return WS_UPGRADE_BAD_VERSION;
    }
    const char *key = http_header(headers, "sec-websocket-key", &keys);
    return key && keys == 1 && ws_key_valid(key) ? WS_UPGRADE_OK : WS_UPGRADE_BAD;
}

static void base64(const uint8_t *in, size_t length, char *out) {
    while (length) {
        size_t n = length < 3 ? length : 3;
        uint32_t bits = (uint32_t)in[0] << 16;
        bits |= n > 1 ? (uint32_t)in[1] << 8 : 0;
        bits |= n > 2 ? in[2] : 0;
        *out++ = alphabet[bits >> 18 & 63];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = n > 1 ? alphabet[bits >> 6 & 63] : '=';
        *out++ = n > 2 ? alphabet[bits & 63] : '=';
        in += n;
        length -= n;
    }
    *out = 0;
}

bool ws_accept(const char *key, ws_sha1_t sha1, char out[WS_ACCEPT_SIZE]) {
    uint8_t text[KEY_LENGTH + sizeof guid - 1], digest[20];
    memcpy(text, key, KEY_LENGTH);
    memcpy(text + KEY_LENGTH, guid, sizeof guid - 1);
    if (!sha1(text, sizeof text, digest)) {
        return false;
    }
    base64(digest, sizeof digest, out);
    return true;
}
