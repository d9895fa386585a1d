/* SPDX-License-Identifier: MIT */
/*
 * Looks into DER (X.690): whether a file is DER at all, what it has, and why Mbed TLS does not take
 * it. Only as far as an error message needs it. Pure: no lwIP, no MicroPython, no Mbed TLS.
 */
#ifndef ESPBENCH_WEBSERVER_TLS_DER_SCAN_H
#define ESPBENCH_WEBSERVER_TLS_DER_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    DER_NONE, /* not DER, or of an unknown kind */
    DER_CERTIFICATE,
    DER_REQUEST,     /* PKCS#10 (RFC 2986) */
    DER_PRIVATE_KEY, /* PKCS#1, SEC 1 or PKCS#8 */
    DER_ENCRYPTED,   /* an encrypted private key (RFC 5958 section 3) */
    DER_PKCS12,      /* certificate and key, usually encrypted (RFC 7292) */
} der_kind_t;

der_kind_t der_kind(const uint8_t *der, size_t length);

/* The bytes of the first element with its header; 0: it is longer than `length`, or invalid. */
size_t der_element(const uint8_t *der, size_t length);

/* Whether a certificate or key says that its key is for RSASSA-PSS alone (RFC 4055 section 1.2). */
bool der_has_pss_key(const uint8_t *der, size_t length);

/* The bytes of a certificate's or key's RSA modulus if there are more than 256; else 0. */
size_t der_rsa_bytes(const uint8_t *der, size_t length);

#endif
