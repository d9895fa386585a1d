/* SPDX-License-Identifier: MIT */
/* Host test of the look for TLS 1.2 in a ClientHello. */
#include "webserver/tls/client_hello.h"

#include <string.h>

#include "check.h"

enum { SIZE = 256 };

/* Everything before the extensions: header, version, random, one byte of session id, two suites. */
static const uint8_t START[] = {
    1, 0, 0, 0, 3,    3, /* the lengths in the header do not matter */
    0, 0, 0, 0, 0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0, /* random */
    0, 0, 0, 0, 0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0, /* random */
    1, 7, 0, 4, 0x13, 0x01, 0x13, 0x02, 1, 0,
};

static bool offers(const void *extensions, size_t length) {
    uint8_t hello[SIZE];
    memcpy(hello, START, sizeof START);
    memcpy(hello + sizeof START, extensions, length);
    return client_hello_offers_tls12(hello, sizeof START + length);
}

#define OFFERS(...) offers((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

int main(void) {
    CHECK(client_hello_offers_tls12(START, sizeof START)); /* no extensions at all */
    CHECK(OFFERS(0, 0));
    CHECK(OFFERS(0, 5, 0, 23, 0, 1, 43)); /* another extension */
    CHECK(OFFERS(0, 9, 0, 43, 0, 5, 4, 3, 4, 3, 3));
    CHECK(OFFERS(0, 13, 0, 23, 0, 0, 0, 43, 0, 5, 4, 0x3a, 0x3a, 3, 3));
    CHECK(!OFFERS(0, 7, 0, 43, 0, 3, 2, 3, 4));
    CHECK(!OFFERS(0, 9, 0, 43, 0, 5, 4, 3, 4, 3, 5));
    CHECK(!OFFERS(0, 11, 0, 23, 0, 0, 0, 43, 0, 3, 2, 3, 4));
    CHECK(!OFFERS(0, 7, 0, 43, 0, 3, 2, 3, 2));
    /* Malformed, at each place where it can be cut. */
    CHECK(OFFERS(0, 8, 0, 43, 0, 4, 3, 3, 4, 3));
    CHECK(OFFERS(0, 7, 0, 43, 0, 3, 9, 3, 4));
    CHECK(OFFERS(0, 7, 0, 43, 0, 9, 2, 3, 4));
    CHECK(OFFERS(0, 9, 0, 43, 0, 3, 2, 3, 4));
    CHECK(OFFERS(0, 1, 0));
    for (size_t length = 0; length < sizeof START; length++) {
        CHECK(client_hello_offers_tls12(START, length));
    }
    return 0;
}
