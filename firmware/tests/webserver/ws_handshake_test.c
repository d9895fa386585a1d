/* SPDX-License-Identifier: MIT */
/* Host test of the WebSocket handshake: the key, the accept value, and the headers. */
#include "webserver/http/ws_handshake.h"

#include <string.h>

#include "check.h"

/* The example of RFC 6455 section 1.3: the input of the hash, and its digest. */
static bool example_sha1(const uint8_t *data, size_t length, uint8_t digest[20]) {
    static const char text[] = "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    static const uint8_t result[20] = {0xb3, 0x7a, 0x4f, 0x2c, 0xc0, 0x62, 0x4f, 0x16, 0x90, 0xf6,
                                       0x46, 0x06, 0xcf, 0x38, 0x59, 0x45, 0xb2, 0xbe, 0xc4, 0xea};
    CHECK(length == sizeof text - 1 && memcmp(data, text, length) == 0);
    memcpy(digest, result, sizeof result);
    return true;
}

/* The key of MicroPython's webrepl_cli.py, which is shorter than a valid one. */
static bool foo_sha1(const uint8_t *data, size_t length, uint8_t digest[20]) {
    static const char text[] = "foo258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    CHECK(length == sizeof text - 1 && memcmp(data, text, length) == 0);
    memset(digest, 0, 20);
    return true;
}

static bool broken_sha1(const uint8_t *data, size_t length, uint8_t digest[20]) {
    (void)data, (void)length, (void)digest;
    return false;
}

#define KEY "sec-websocket-key\0dGhlIHNhbXBsZSBub25jZQ==\0"
#define CONNECTION "connection\0keep-alive, Upgrade\0"
#define UPGRADE "upgrade\0WebSocket\0"
#define VERSION "sec-websocket-version\00013\0"

#define OFFER "sec-websocket-protocol\0"

int main(void) {
    char accept[WS_ACCEPT_SIZE];
    CHECK(ws_accept("dGhlIHNhbXBsZSBub25jZQ==", example_sha1, accept));
    CHECK(strcmp(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == 0);
    CHECK(!ws_accept("dGhlIHNhbXBsZSBub25jZQ==", broken_sha1, accept));

    CHECK(ws_key_valid("AAAAAAAAAAAAAAAAAAAAAA=="));
    CHECK(!ws_key_valid("AAAAAAAAAAAAAAAAAAAAAAA=")); /* 17 bytes */
    CHECK(!ws_key_valid("AAAAAAAAAAAAAAAAAAAA===="));
    CHECK(!ws_key_valid("AAAAAAAAAAAAAAAAAAAA A==") && !ws_key_valid(""));

    CHECK(ws_check_upgrade(UPGRADE CONNECTION VERSION KEY, false) == WS_UPGRADE_OK);
    CHECK(ws_check_upgrade(UPGRADE "connection\0keep-alive\0" CONNECTION VERSION KEY, false) ==
          WS_UPGRADE_OK);
    CHECK(ws_check_upgrade("host\0x\0", false) == WS_UPGRADE_NONE);
    CHECK(ws_check_upgrade("upgrade\0h2c\0" CONNECTION VERSION KEY, false) == WS_UPGRADE_NONE);
    CHECK(ws_check_upgrade(UPGRADE VERSION KEY, false) == WS_UPGRADE_BAD);
    CHECK(ws_check_upgrade(UPGRADE "connection\0close\0" VERSION KEY, false) == WS_UPGRADE_BAD);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION KEY, false) == WS_UPGRADE_BAD_VERSION);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION "sec-websocket-version\0008\0" KEY, false) ==
          WS_UPGRADE_BAD_VERSION);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION VERSION, false) == WS_UPGRADE_BAD);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION VERSION KEY KEY, false) == WS_UPGRADE_BAD);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION VERSION "sec-websocket-key\0short\0", false) ==
          WS_UPGRADE_BAD);

    /* what MicroPython's webrepl_cli.py sends */
    CHECK(ws_check_upgrade(UPGRADE CONNECTION "sec-websocket-key\0foo\0", true) == WS_UPGRADE_OK);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION "sec-websocket-key\0foo\0", false) ==
          WS_UPGRADE_BAD_VERSION);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION VERSION KEY, true) == WS_UPGRADE_OK);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION "sec-websocket-version\0008\0" KEY, true) ==
          WS_UPGRADE_BAD_VERSION);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION, true) == WS_UPGRADE_BAD);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION "sec-websocket-key\0\0", true) == WS_UPGRADE_BAD);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION KEY KEY, true) == WS_UPGRADE_BAD);
    CHECK(ws_check_upgrade(UPGRADE CONNECTION "sec-websocket-key\0of twenty-five characters\0",
                           true) == WS_UPGRADE_BAD);
    CHECK(ws_accept("foo", foo_sha1, accept));
    const char protocols[] = "mqtt\0chat.v2\0";
    CHECK(strcmp(ws_choose_protocol(OFFER "a, chat.v2,mqtt\0", protocols), "chat.v2") == 0);
    CHECK(strcmp(ws_choose_protocol("host\0mqtt\0" OFFER "a\0" OFFER ",, mqtt\0", protocols),
                 "mqtt") == 0);
    CHECK(strcmp(ws_choose_protocol(OFFER "MQTT, chat, chat.v22, mqt\0", protocols), "") == 0);
    CHECK(strcmp(ws_choose_protocol(OFFER "mqtt\0", NULL), "") == 0);
    CHECK(strcmp(ws_choose_protocol(OFFER ", \0", protocols), "") == 0);
    CHECK(strcmp(ws_choose_protocol("host\0x\0", protocols), "") == 0);
    return 0;
}
