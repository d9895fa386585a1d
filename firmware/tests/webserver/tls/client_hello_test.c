/* SPDX-License-Identifier: MIT */
/* Host test of what is looked at in a ClientHello. */
#include "webserver/tls/client_hello.h"

#include <string.h>

#include "check.h"

enum { SIZE = 256 };

static bool extended;

/* Everything before the extensions: header, version, random, one byte of session id, two suites. */
static const uint8_t START[] = {
    1, 0, 0, 0, 3,    3, /* the lengths in the header do not matter */
    0, 0, 0, 0, 0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0, /* random */
    0, 0, 0, 0, 0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0, /* random */
    1, 7, 0, 4, 0x13, 0x01, 0x13, 0x02, 1, 0,
};

static client_hello_t judge(const void *extensions, size_t length) {
    uint8_t hello[SIZE];
    memcpy(hello, START, sizeof START);
    memcpy(hello + sizeof START, extensions, length);
    return client_hello_judge(hello, sizeof START + length, &extended);
}

#define JUDGE(...) judge((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define OFFERS(...) (JUDGE(__VA_ARGS__) == HELLO_OK)
#define LACKS(...) (JUDGE(__VA_ARGS__) == HELLO_NO_TLS12)

static void test_server_name(void) {
    CHECK(JUDGE(0, 10, 0, 0, 0, 6, 0, 4, 0, 0, 1, 'a') == HELLO_OK);
    CHECK(JUDGE(0, 14, 0, 0, 0, 10, 0, 8, 0, 0, 1, 'a', 7, 0, 1, 'b') == HELLO_OK);
    CHECK(JUDGE(0, 14, 0, 0, 0, 10, 0, 8, 0, 0, 1, 'a', 0, 0, 1, 'b') == HELLO_ILLEGAL);
    CHECK(JUDGE(0, 4, 0, 0, 0, 0) == HELLO_MALFORMED);                           /* no list */
    CHECK(JUDGE(0, 6, 0, 0, 0, 2, 0, 0) == HELLO_MALFORMED);                     /* an empty one */
    CHECK(JUDGE(0, 9, 0, 0, 0, 5, 0, 3, 0, 0, 0) == HELLO_MALFORMED);            /* an empty name */
    CHECK(JUDGE(0, 10, 0, 0, 0, 6, 0, 5, 0, 0, 1, 'a') == HELLO_MALFORMED);      /* too long */
    CHECK(JUDGE(0, 10, 0, 0, 0, 6, 0, 4, 0, 0, 2, 'a') == HELLO_MALFORMED);      /* too long */
    CHECK(JUDGE(0, 11, 0, 0, 0, 7, 0, 4, 0, 0, 1, 'a', 'b') == HELLO_MALFORMED); /* too short */
    CHECK(JUDGE(0, 7, 0, 0, 0, 3, 0, 1, 0) == HELLO_MALFORMED);                  /* a type alone */
}

static void test_twice(void) {
    CHECK(JUDGE(0, 8, 0, 23, 0, 0, 0, 22, 0, 0) == HELLO_OK);
    CHECK(JUDGE(0, 8, 0, 23, 0, 0, 0, 23, 0, 0) == HELLO_ILLEGAL);
    CHECK(JUDGE(0, 15, 0, 43, 0, 3, 2, 3, 3, 0, 23, 0, 0, 0, 23, 0, 0) == HELLO_ILLEGAL);
    /* A client with other versions is told so, whatever else is wrong. */
    CHECK(LACKS(0, 15, 0, 23, 0, 0, 0, 23, 0, 0, 0, 43, 0, 3, 2, 3, 4));
    CHECK(LACKS(0, 15, 0, 43, 0, 3, 2, 3, 4, 0, 23, 0, 0, 0, 23, 0, 0));
}

static void test_extended_master_secret(void) {
    CHECK(JUDGE(0, 8, 0, 22, 0, 0, 0, 35, 0, 0) == HELLO_OK && !extended);
    CHECK(JUDGE(0, 8, 0, 35, 0, 0, 0, 23, 0, 0) == HELLO_OK && extended);
}

static void test_compression(void) {
    uint8_t hello[sizeof START];
    memcpy(hello, START, sizeof hello);
    hello[sizeof hello - 1] = 1; /* DEFLATE */
    CHECK(client_hello_judge(hello, sizeof hello, &extended) == HELLO_ILLEGAL);
    hello[sizeof hello - 2] = 0; /* none at all, and one byte too many: Mbed TLS refuses it */
    CHECK(client_hello_judge(hello, sizeof hello, &extended) == HELLO_OK);
    CHECK(client_hello_judge(hello, sizeof hello - 1, &extended) == HELLO_ILLEGAL);
}

int main(void) {
    CHECK(client_hello_judge(START, sizeof START, &extended) ==
          HELLO_OK); /* no extensions at all */
    CHECK(OFFERS(0, 0));
    CHECK(OFFERS(0, 5, 0, 23, 0, 1, 43)); /* another extension */
    CHECK(OFFERS(0, 9, 0, 43, 0, 5, 4, 3, 4, 3, 3));
    CHECK(OFFERS(0, 13, 0, 23, 0, 0, 0, 43, 0, 5, 4, 0x3a, 0x3a, 3, 3));
    CHECK(LACKS(0, 7, 0, 43, 0, 3, 2, 3, 4));
    CHECK(LACKS(0, 9, 0, 43, 0, 5, 4, 3, 4, 3, 5));
    CHECK(LACKS(0, 11, 0, 23, 0, 0, 0, 43, 0, 3, 2, 3, 4));
    CHECK(LACKS(0, 7, 0, 43, 0, 3, 2, 3, 2));
    /* Malformed, at each place where it can be cut. */
    CHECK(OFFERS(0, 8, 0, 43, 0, 4, 3, 3, 4, 3));
    CHECK(OFFERS(0, 7, 0, 43, 0, 3, 9, 3, 4));
    CHECK(OFFERS(0, 7, 0, 43, 0, 9, 2, 3, 4));
    CHECK(OFFERS(0, 9, 0, 43, 0, 3, 2, 3, 4));
    CHECK(OFFERS(0, 1, 0));
    for (size_t length = 0; length < sizeof START; length++) {
        CHECK(client_hello_judge(START, length, &extended) == HELLO_OK);
    }
    test_server_name();
    test_twice();
    test_extended_master_secret();
    test_compression();
    return 0;
}
