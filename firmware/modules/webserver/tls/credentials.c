/* SPDX-License-Identifier: MIT */
#include "webserver/tls/credentials.h"

#include <stdio.h>
#include <string.h>

#include "mbedtls/ctr_drbg.h"
#include "mbedtls/ecp.h"
#include "mbedtls/platform_util.h"
#include "mbedtls/ssl.h"
#include "webserver/port.h"
#include "webserver/tls/pem_scan.h"

#ifdef MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
#include "psa/crypto.h"
#endif

#define RSA_BITS_MIN 2048

/* The Certificate message (RFC 5246 section 7.4.2) must fit in one record: 4 bytes of handshake
 * header, 3 of list length, 3 before each certificate. */
#ifndef MBEDTLS_SSL_OUT_CONTENT_LEN
#define MBEDTLS_SSL_OUT_CONTENT_LEN MBEDTLS_SSL_MAX_CONTENT_LEN
#endif
#define CHAIN_MAX (MBEDTLS_SSL_OUT_CONTENT_LEN - 7)

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

/* Mbed TLS reports failed allocations by many codes, and in a chain's parser not at all: ask the
 * heap. */
static uint32_t failures_before;

static bool was_out_of_memory(void) { return net_heap_failures() != failures_before; }

static void format_no_memory(char *error, size_t size) {
    net_heap_figures_t heap = net_heap_figures();
    snprintf(error, size,
             "Memory allocation failed: out of memory (%lu bytes free, largest block %lu)",
             (unsigned long)heap.free, (unsigned long)heap.largest);
}

/* Parses one certificate of a file; `text` starts at its BEGIN line. */
static bool parse_certificate(mbedtls_x509_crt *chain, const char *text, size_t length,
                              unsigned index, unsigned count, const char *name, char *error,
                              size_t error_size) {
    char *copy = net_malloc(length + 1); /* Mbed TLS needs a final NUL */
    if (!copy) {
        format_no_memory(error, error_size);
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = 0;
    int r = mbedtls_x509_crt_parse(chain, (const unsigned char *)copy, length + 1);
    net_free(copy);
    if (r == 0) {
        return true;
    }
    int high = -(-r & 0xff80);
    if (was_out_of_memory()) {
        format_no_memory(error, error_size);
    } else if (high == MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG || high == MBEDTLS_ERR_PK_UNKNOWN_PK_ALG ||
               high == MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE) {
        snprintf(error, error_size,
                 "certificate %u of %u in %s has an unsupported algorithm or curve: use RSA, or "
                 "ECDSA with P-256 or P-384",
                 index, count, name);
    } else {
        snprintf(error, error_size, "certificate %u of %u in %s is damaged (-0x%04x)", index, count,
                 name, (unsigned)-r);
    }
    return false;
}

static bool parse_chain(tls_identity_t *identity, const char *text, const char *name, char *error,
                        size_t error_size) {
    pem_scan_t scan = pem_scan(text);
    if (!scan.pem) {
        snprintf(error, error_size, "%s is %s", name, *text ? "not PEM" : "empty");
        return false;
    }
    if (scan.certificates == 0) {
        snprintf(error, error_size, "no certificate in %s", name);
        return false;
    }
    /* One by one, to report which of them is damaged. */
    size_t total = 0;
    const char *at = pem_next_certificate(text);
    for (unsigned index = 1; at; index++) {
        const char *next = pem_next_certificate(at + 1);
        size_t length = next ? (size_t)(next - at) : strlen(at);
        if (!parse_certificate(&identity->chain, at, length, index, scan.certificates, name, error,
                               error_size)) {
            return false;
        }
        at = next;
    }
    for (mbedtls_x509_crt *crt = &identity->chain; crt && crt->raw.p; crt = crt->next) {
        total += crt->raw.len + 3;
    }
    if (total > CHAIN_MAX) {
        snprintf(error, error_size, "the chain in %s is too large: %lu bytes, the limit is %lu",
                 name, (unsigned long)total, (unsigned long)CHAIN_MAX);
        return false;
    }
    return true;
}

/* Mbed TLS takes a Montgomery curve's key (RFC 8410), which is only good for a key exchange. */
static bool can_sign(const mbedtls_pk_context *key) {
    if (!mbedtls_pk_can_do(key, MBEDTLS_PK_ECKEY)) {
        return true; /* RSA */
    }
    mbedtls_ecp_group_id curve = mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*key));
    return curve != MBEDTLS_ECP_DP_CURVE25519 && curve != MBEDTLS_ECP_DP_CURVE448;
}

static bool parse_key(tls_identity_t *identity, const char *text, size_t size, const char *name,
                      char *error, size_t error_size) {
    pem_scan_t scan = pem_scan(text);
    if (!scan.pem) {
        snprintf(error, error_size, "%s is %s", name, *text ? "not PEM" : "empty");
        return false;
    }
    if (scan.private_keys == 0) {
        snprintf(error, error_size, "no private key in %s", name);
        return false;
    }
    if (scan.encrypted) {
        snprintf(error, error_size,
                 "the key in %s is encrypted and needs a password: store it without one", name);
        return false;
    }
    int r = mbedtls_pk_parse_key(&identity->key, (const unsigned char *)text, size, NULL, 0,
                                 tls_random, NULL);
    if (was_out_of_memory()) {
        format_no_memory(error, error_size);
        return false;
    }
    int high = -(-r & 0xff80);
    if (high == MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE || high == MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE) {
        snprintf(error, error_size, "the key in %s is on an unsupported curve: use P-256 or P-384",
                 name);
        return false;
    }
    if (high == MBEDTLS_ERR_PK_UNKNOWN_PK_ALG) {
        snprintf(error, error_size, "the key in %s is unsupported: it is neither RSA nor ECDSA",
                 name);
        return false;
    }
    if (r != 0) {
        snprintf(error, error_size, "the key in %s is damaged (-0x%04x)", name, (unsigned)-r);
        return false;
    }
    if (!can_sign(&identity->key)) {
        snprintf(
            error, error_size,
            "the key in %s is an unsupported X25519 or X448 key, which cannot sign: use P-256, "
            "P-384 or RSA",
            name);
        return false;
    }
    size_t bits = mbedtls_pk_get_bitlen(&identity->key);
    if (mbedtls_pk_get_type(&identity->key) == MBEDTLS_PK_RSA && bits < RSA_BITS_MIN) {
        snprintf(error, error_size,
                 "the RSA key in %s is too small: %lu bits, at least %d are needed", name,
                 (unsigned long)bits, RSA_BITS_MIN);
        return false;
    }
    return true;
}

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

static bool check(tls_identity_t *identity, const char *certificates, const char *cert_name,
                  const char *key, size_t key_size, const char *key_name, char *error,
                  size_t error_size) {
    unsigned char probe;
    if (tls_random(NULL, &probe, 1) != 0) {
        snprintf(error, error_size, "entropy source failed");
        return false;
    }
    if (!parse_chain(identity, certificates, cert_name, error, error_size) ||
        !parse_key(identity, key, key_size, key_name, error, error_size)) {
        return false;
    }
    int r = mbedtls_pk_check_pair(&identity->chain.pk, &identity->key, tls_random, NULL);
    if (was_out_of_memory()) {
        format_no_memory(error, error_size);
        return false;
    }
    if (r != 0) {
        format_mismatch(identity, cert_name, key_name, error, error_size);
        return false;
    }
    return true;
}

tls_identity_t *tls_identity_new(const char *certificates, const char *cert_name, const char *key,
                                 size_t key_size, const char *key_name, char *error,
                                 size_t error_size) {
    failures_before = net_heap_failures();
    tls_identity_t *identity = net_calloc(1, sizeof *identity);
    if (!identity) {
        format_no_memory(error, error_size);
        return NULL;
    }
    mbedtls_x509_crt_init(&identity->chain);
    mbedtls_pk_init(&identity->key);
    if (!check(identity, certificates, cert_name, key, key_size, key_name, error, error_size)) {
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
