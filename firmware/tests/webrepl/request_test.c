/* SPDX-License-Identifier: MIT */
/* Host test of the WebREPL's file requests: names, sizes, and what is refused. */
#include "webrepl/request.h"

#include <string.h>

#include "check.h"

static webrepl_request_t request;
static uint8_t raw[WEBREPL_REQUEST_SIZE];

static void make(const char *name, size_t length) {
    memset(raw, 0, sizeof raw);
    memcpy(raw, "WA\1", 3);
    raw[4] = 5;                              /* offset */
    memcpy(raw + 12, "\x78\x56\x34\x12", 4); /* size */
    raw[16] = (uint8_t)length;
    raw[17] = (uint8_t)(length >> 8);
    memcpy(raw + 18, name, strlen(name));
    webrepl_request_clear(&request);
}

static bool name_good(const char *name, size_t length) {
    make(name, length);
    webrepl_request_feed(&request, raw, sizeof raw);
    return request.name_good;
}

static bool valid(const char *name) { return webrepl_name_valid(name); }

int main(void) {
    make("/lib/a.py", 9);
    for (size_t i = 0; i < sizeof raw; i++) { /* byte by byte */
        CHECK(!webrepl_request_complete(&request));
        CHECK(webrepl_request_feed(&request, raw + i, 1) == 1);
    }
    CHECK(webrepl_request_complete(&request) && request.signature_good && request.name_good);
    CHECK(request.operation == WEBREPL_PUT && request.offset == 5 && request.size == 0x12345678);
    CHECK(strcmp(request.name, "/lib/a.py") == 0);
    CHECK(webrepl_request_feed(&request, raw, 10) == 0); /* the data after it is not consumed */

    char full[WEBREPL_NAME_MAX + 1];
    memset(full, 'n', WEBREPL_NAME_MAX);
    full[WEBREPL_NAME_MAX] = 0;
    CHECK(name_good(full, 64) && strcmp(request.name, full) == 0);
    CHECK(!name_good(full, 65) && !name_good(full, 65535));
    CHECK(!name_good("a", 2)); /* a NUL in it */
    CHECK(!name_good("a", 0));
    make("a", 1);
    raw[0] = 'X';
    webrepl_request_feed(&request, raw, sizeof raw);
    CHECK(!request.signature_good);

    CHECK(valid("a") && valid("/a") && valid("a/b.c") && valid(".a") && valid("...") &&
          valid("a..b") && valid("\xc3\xa4"));
    CHECK(!valid("") && !valid("/") && !valid("a/") && !valid("//a") && !valid("a//b"));
    CHECK(!valid(".") && !valid("..") && !valid("../a") && !valid("/a/../b") && !valid("a/.."));
    CHECK(!valid("./a") && !valid("a\nb") && !valid("a\x7f") && !valid("\xff") && !valid("\x01"));
    CHECK(!valid(WEBREPL_UPLOAD_NAME) && !valid("/a/" WEBREPL_UPLOAD_NAME));

    char path[WEBREPL_NAME_MAX + sizeof WEBREPL_UPLOAD_NAME];
    webrepl_upload_path("a.py", path);
    CHECK(strcmp(path, WEBREPL_UPLOAD_NAME) == 0);
    webrepl_upload_path("/lib/a.py", path);
    CHECK(strcmp(path, "/lib/" WEBREPL_UPLOAD_NAME) == 0);
    memset(full, '/', 63);
    webrepl_upload_path(full, path);
    CHECK(strlen(path) == 63 + strlen(WEBREPL_UPLOAD_NAME));
    return 0;
}
