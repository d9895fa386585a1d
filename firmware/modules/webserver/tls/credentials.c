/* SPDX-License-Identifier: MIT */
#include "webserver/tls/credentials.h"

#include <stdio.h>
#include <string.h>

#include "mbedtls/ctr_drbg.h"
#include "mbedtls/platform_util.h"
#include "webserver/port.h"

#ifdef MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
#include "psa/crypto.h"
#endif

static mbedtls_ctr_drbg_context drbg;
static bool drbg_ready;

static int entropy(void *unused, unsigned char *out, size_t length) {
    (void)unused;
    return board_entropy(out, length) == 0 ? 0 : MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
}

int tls_random(void *unused, unsigned char *out, size_t length) {
    (void)unused;
    if (!drbg_ready) {
        static const unsigned char personal[] = "espbench";
        mbedtls_ctr_drbg_init(&drbg);
        int r = mbedtls_ctr_drbg_seed(&drbg, entropy, NULL, personal, sizeof personal - 1);
        if (r != 0) {
            mbedtls_ctr_drbg_free(&drbg);
            return r;
        }
        drbg_ready = true;
    }
    return mbedtls_ctr_drbg_random(&drbg, out, length);
}

#ifdef MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
/* Of Mbed TLS's PSA, for the keys of TLS 1.3. */
psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *unused,
                                             uint8_t *out, size_t size, size_t *length) {
    (void)unused;
    *length = 0;
    if (tls_random(NULL, out, size) != 0) {
        return PSA_ERROR_INSUFFICIENT_ENTROPY;
    }
    *length = size;
    return PSA_SUCCESS;
}
#endif

/* Explains a mismatch: the key may belong to another certificate of the file. */
static void format_mismatch(const tls_identity_t *identity, const char *cert_name,
                            const char *key_name, char *error, size_t error_size) {
    unsigned index = 2;
    for (const mbedtls_x509_crt *crt = identity->chain.next; crt; crt = crt->next, index++) {
        if (mbedtls_pk_check_pair(&crt->pk, &identity->key, tls_random, NULL) == 0) {
            snprintf(error, error_size,
                     "the key in %s belongs to certificate %u of %s: the server's own certificate "
                     "must come first",
                     key_name, index, cert_name);
            return;
        }
    }
    snprintf(error, error_size, "the key in %s does not match the certificate in %s", key_name,
             cert_name);
}

/* Whether a certificate has the x-coordinate of its point alone. OpenSSL's clients take that from a
 * server that announces compressed points, which Mbed TLS does not (RFC 8422 section 5.1.2). */
static bool is_compressed(const mbedtls_x509_crt *certificate) {
    size_t coordinate = (mbedtls_pk_get_bitlen(&certificate->pk) + 7) / 8;
    return mbedtls_pk_can_do(&certificate->pk, MBEDTLS_PK_ECKEY) &&
           certificate->pk_raw.len < 1 + 2 * coordinate;
}

static bool check(tls_identity_t *identity, const tls_file_t *certificates, const tls_file_t *key,
                  char *error, size_t error_size) {
    unsigned char probe;
    if (tls_random(NULL, &probe, 1) != 0) {
        snprintf(error, error_size, "entropy source failed");
        return false;
    }
    if (!tls_parse_chain(&identity->chain, certificates, error, error_size) ||
        !tls_parse_key(&identity->key, key, error, error_size)) {
        return false;
    }
    if (is_compressed(&identity->chain)) {
        snprintf(error, error_size,
                 "the certificate in %s has a compressed point, which clients refuse: make it of "
                 "the key that openssl ec -in %s -conv_form uncompressed writes",
                 certificates->name, key->name);
        return false;
    }
    uint32_t failures = net_heap_failures();
    int r = mbedtls_pk_check_pair(&identity->chain.pk, &identity->key, tls_random, NULL);
    if (net_heap_failures() != failures) {
        tls_format_no_memory(error, error_size);
        return false;
    }
    if (r != 0) {
        format_mismatch(identity, certificates->name, key->name, error, error_size);
        return false;
    }
    return true;
}

tls_identity_t *tls_identity_new(const tls_file_t *certificates, const tls_file_t *key, char *error,
                                 size_t error_size) {
    tls_identity_t *identity = net_calloc(1, sizeof *identity);
    if (!identity) {
        tls_format_no_memory(error, error_size);
        return NULL;
    }
    mbedtls_x509_crt_init(&identity->chain);
    mbedtls_pk_init(&identity->key);
    if (!check(identity, certificates, key, error, error_size)) {
        tls_identity_free(identity);
        return NULL;
    }
    return identity;
}

void tls_identity_free(tls_identity_t *identity) {
    if (identity) {
        mbedtls_pk_free(&identity->key);
        mbedtls_x509_crt_free(&identity->chain);
        mbedtls_platform_zeroize(identity, sizeof *identity);
        net_free(identity);
    }
}
