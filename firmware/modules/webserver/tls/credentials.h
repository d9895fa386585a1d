/* SPDX-License-Identifier: MIT */
/*
 * A server's certificate chain and private key, checked before the server listens. Needs Mbed TLS
 * 3.x.
 */
#ifndef ESPBENCH_WEBSERVER_TLS_CREDENTIALS_H
#define ESPBENCH_WEBSERVER_TLS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include "mbedtls/pk.h"
#include "mbedtls/x509_crt.h"
#include "webserver/transport.h"

/* The largest accepted PEM file, in bytes. */
#define TLS_FILE_MAX 16384

struct tls_identity {
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
};

/* Parses and checks a chain and its key. The texts are PEM and end in NUL, which key_size includes.
 * Returns the identity, or NULL with one sentence in error. */
tls_identity_t *tls_identity_new(const char *certificates, const char *cert_name, const char *key,
                                 size_t key_size, const char *key_name, char *error,
                                 size_t error_size);

/* Zeroizes and frees an identity; NULL does nothing. */
void tls_identity_free(tls_identity_t *identity);

/* A random generator (CTR_DRBG) seeded from the board, with the signature of Mbed TLS's f_rng. */
int tls_random(void *unused, unsigned char *out, size_t length);

#endif
