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
#include "webserver/tls/identity_files.h"
#include "webserver/transport.h"

struct tls_identity {
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
};

/* Parses and checks a chain and its key, whose texts it may change. Returns the identity, or NULL
 * with one sentence in error. */
tls_identity_t *tls_identity_new(const tls_file_t *certificates, const tls_file_t *key, char *error,
                                 size_t error_size);

/* Zeroizes and frees an identity; NULL does nothing. */
void tls_identity_free(tls_identity_t *identity);

/* A random generator (CTR_DRBG) seeded from the board, with the signature of Mbed TLS's f_rng. */
int tls_random(void *unused, unsigned char *out, size_t length);

#endif
