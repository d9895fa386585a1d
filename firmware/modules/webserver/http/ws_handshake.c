/* SPDX-License-Identifier: MIT */
#include "webserver/http/ws_handshake.h"

#include <string.h>

#include "webserver/http/message.h"
#include "webserver/text/base64.h"

#define KEY_BYTES 16
#define KEY_LENGTH BASE64_LENGTH(KEY_BYTES) /* 22 characters and "==" */

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool ws_key_valid(const char *key) {
    uint8_t bytes[KEY_BYTES];
    return strlen(key) == KEY_LENGTH && strcmp(key + KEY_LENGTH - 2, "==") == 0 &&
           base64_decode(key, KEY_LENGTH, bytes, sizeof bytes) == KEY_BYTES;
}

ws_upgrade_t ws_check_upgrade(const char *headers, bool lenient) {
    if (!http_lists_token(headers, "upgrade", "websocket")) {
        return WS_UPGRADE_NONE;
    }
    if (!http_lists_token(headers, "connection", "upgrade")) {
        return WS_UPGRADE_BAD;
    }
    unsigned versions, keys;
    const char *version = http_header(headers, "sec-websocket-version", &versions);
    if (version ? versions != 1 || strcmp(version, "13") != 0 : !lenient) {
        return WS_UPGRADE_BAD_VERSION;
    }
    const char *key = http_header(headers, "sec-websocket-key", &keys);
    if (!key || keys != 1) {
        return WS_UPGRADE_BAD;
    }
    return ws_key_valid(key) || (lenient && key[0] && strlen(key) <= KEY_LENGTH) ? WS_UPGRADE_OK
                                                                                 : WS_UPGRADE_BAD;
}

/* The entry of a list that equals a token, or NULL. */
static const char *find_protocol(const char *protocols, const char *token, size_t length) {
    for (; *protocols; protocols += strlen(protocols) + 1) {
        if (strlen(protocols) == length && memcmp(protocols, token, length) == 0) {
            return protocols;
        }
    }
    return NULL;
}

const char *ws_choose_protocol(const char *headers, const char *protocols) {
    const char *chosen = NULL;
    while (protocols && *headers && !chosen) {
        const char *value = headers + strlen(headers) + 1;
        const char *offered = strcmp(headers, "sec-websocket-protocol") == 0 ? value : "";
        while (*offered && !chosen) {
            offered += strspn(offered, ", \t");
            size_t length = strcspn(offered, ", \t");
            chosen = length ? find_protocol(protocols, offered, length) : NULL;
            offered += length;
        }
        headers = value + strlen(value) + 1;
    }
    return chosen ? chosen : "";
}

bool ws_accept(const char *key, ws_sha1_t sha1, char out[WS_ACCEPT_SIZE]) {
    uint8_t text[KEY_LENGTH + sizeof guid - 1], digest[20];
    size_t length = strlen(key);
    memcpy(text, key, length);
    memcpy(text + length, guid, sizeof guid - 1);
    if (!sha1(text, length + sizeof guid - 1, digest)) {
        return false;
    }
    base64_encode(digest, sizeof digest, out);
    return true;
}
