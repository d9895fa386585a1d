/* SPDX-License-Identifier: MIT */
#include "webserver/tls/der_scan.h"

#include <string.h>

enum { INTEGER = 0x02, OCTET_STRING = 0x04, OID = 0x06, SEQUENCE = 0x30, VERSION = 0xa0 };

#define LONG_LENGTH 0x80 /* a number of bytes with the length follows */
#define PKCS12_VERSION 3

/* An element: its contents, and what comes after it. Neither, if it is invalid. */
typedef struct {
    uint8_t tag;
    const uint8_t *contents, *end;
} element_t;

static element_t element(const uint8_t *at, const uint8_t *end) {
    element_t none = {0, end, end};
    if (end - at < 2) {
        return none;
    }
    uint8_t tag = *at++;
    size_t length = *at++;
    if (length >= LONG_LENGTH) {
        size_t bytes = length - LONG_LENGTH;
        if (bytes == 0 || bytes > 3 || (size_t)(end - at) < bytes) {
            return none;
        }
        for (length = 0; bytes > 0; bytes--) {
            length = length << 8 | *at++;
        }
    }
    return length > (size_t)(end - at) ? none : (element_t){tag, at, at + length};
}

size_t der_element(const uint8_t *der, size_t length) {
    element_t whole = element(der, der + length);
    return whole.tag == SEQUENCE ? (size_t)(whole.end - der) : 0;
}

der_kind_t der_kind(const uint8_t *der, size_t length) {
    element_t whole = element(der, der + length);
    element_t first = element(whole.contents, whole.end);
    if (whole.tag != SEQUENCE) {
        return DER_NONE;
    }
    if (first.tag == INTEGER) {
        bool is_pkcs12 = first.end > first.contents && *first.contents == PKCS12_VERSION;
        return is_pkcs12 ? DER_PKCS12 : DER_PRIVATE_KEY;
    }
    if (first.tag != SEQUENCE) {
        return DER_NONE;
    }
    element_t inner = element(first.contents, first.end);
    if (inner.tag == OID) {
        return element(first.end, whole.end).tag == OCTET_STRING ? DER_ENCRYPTED : DER_NONE;
    }
    /* A request has version 0; an X.509 certificate of version 1 has none, but a serial number. */
    bool is_zero = inner.end - inner.contents == 1 && *inner.contents == 0;
    return inner.tag == INTEGER && is_zero                ? DER_REQUEST
           : inner.tag == INTEGER || inner.tag == VERSION ? DER_CERTIFICATE
                                                          : DER_NONE;
}

/* The place behind the first occurrence of `wanted`, or NULL. */
static const uint8_t *behind(const uint8_t *at, const uint8_t *end, const uint8_t *wanted,
                             size_t length) {
    for (; (size_t)(end - at) >= length; at++) {
        if (memcmp(at, wanted, length) == 0) {
            return at + length;
        }
    }
    return NULL;
}

bool der_has_pss_key(const uint8_t *der, size_t length) {
    static const uint8_t pss[] = {OID, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10};
    static const uint8_t rsa[] = {OID, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1};
    static const uint8_t ec[] = {OID, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1};
    const uint8_t *end = der + length; /* without another kind of key, it is not a signature's */
    return behind(der, end, pss, sizeof pss) && !behind(der, end, rsa, sizeof rsa) &&
           !behind(der, end, ec, sizeof ec);
}

size_t der_rsa_bytes(const uint8_t *der, size_t length) {
    static const uint8_t start[] = {INTEGER, LONG_LENGTH | 2}; /* two bytes with its length */
    const uint8_t *end = der + length, *at = der;
    while ((at = behind(at, end, start, sizeof start))) {
        element_t modulus = element(at - sizeof start, end);
        size_t bytes = (size_t)(modulus.end - modulus.contents);
        /* Its top bit is set, so 0 comes before it. */
        if (modulus.tag == INTEGER && bytes > 257 && bytes <= 2049 && modulus.contents[0] == 0 &&
            modulus.contents[1] >= 0x80) {
            return bytes - 1;
        }
    }
    return 0;
}
