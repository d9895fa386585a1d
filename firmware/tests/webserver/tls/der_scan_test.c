/* SPDX-License-Identifier: MIT */
/* Host test of the look into DER. */
#include "webserver/tls/der_scan.h"

#include "check.h"

#define BYTES(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void test_kinds(void) {
    CHECK(der_kind(BYTES(0x30, 0x05, 0x30, 0x03, 0xa0, 0x01, 2)) == DER_CERTIFICATE);
    CHECK(der_kind(BYTES(0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 7)) == DER_CERTIFICATE);
    CHECK(der_kind(BYTES(0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0)) == DER_REQUEST);
    CHECK(der_kind(BYTES(0x30, 0x03, 0x02, 0x01, 0)) == DER_PRIVATE_KEY);
    CHECK(der_kind(BYTES(0x30, 0x03, 0x02, 0x01, 1)) == DER_PRIVATE_KEY);
    CHECK(der_kind(BYTES(0x30, 0x03, 0x02, 0x01, 3)) == DER_PKCS12);
    CHECK(der_kind(BYTES(0x30, 0x06, 0x30, 0x02, 0x06, 0x00, 0x04, 0x00)) == DER_ENCRYPTED);
    CHECK(der_kind(BYTES(0x30, 0x06, 0x30, 0x02, 0x06, 0x00, 0x03, 0x00)) == DER_NONE);
    CHECK(der_kind(BYTES(0x30, 0x02, 0x05, 0x00)) == DER_NONE);
    CHECK(der_kind((const uint8_t *)"0 s:CN = a", 10) == DER_NONE);
    CHECK(der_kind(BYTES(0x30)) == DER_NONE && der_kind(BYTES(0)) == DER_NONE);
    CHECK(der_kind(BYTES(0x30, 0x80)) == DER_NONE && der_kind(BYTES(0x30, 0x84, 0)) == DER_NONE);
}

static void test_elements(void) {
    CHECK(der_element(BYTES(0x30, 0x01, 0, 9)) == 3);
    CHECK(der_element(BYTES(0x30, 0x82, 0, 1, 0)) == 5);
    CHECK(der_element(BYTES(0x30, 0x02, 0)) == 0);
    CHECK(der_element(BYTES(0x30, 0x82, 0)) == 0);
    CHECK(der_element(BYTES(0x02, 0x01, 0)) == 0);
}

static void test_keys(void) {
    CHECK(der_has_pss_key(BYTES(1, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10)));
    CHECK(!der_has_pss_key(BYTES(1, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1)));
    CHECK(!der_has_pss_key(BYTES(6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10, /* signed */
                                 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1)));
    CHECK(!der_has_pss_key(BYTES(6, 9)));
    static uint8_t key[4 + 3 + 4 + 1025] = {0x30, 0x82, 0x02, 0x82, 2, 1,   0,
                                            2,    0x82, 4,    1,    0, 0x80};
    CHECK(der_rsa_bytes(key, sizeof key) == 1024);
    CHECK(der_rsa_bytes(key, sizeof key - 1) == 0); /* cut short */
    key[12] = 1;                                    /* not a modulus */
    CHECK(der_rsa_bytes(key, sizeof key) == 0);
    CHECK(der_rsa_bytes(key, 3) == 0);
}

int main(void) {
    test_kinds();
    test_elements();
    test_keys();
    return 0;
}
