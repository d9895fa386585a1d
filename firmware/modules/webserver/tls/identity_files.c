/* SPDX-License-Identifier: MIT */
#include "webserver/tls/identity_files.h"

#include <stdio.h>
#include <string.h>

#include "mbedtls/ecp.h"
#include "mbedtls/pem.h"
#include "mbedtls/ssl.h"
#include "webserver/port.h"
#include "webserver/tls/credentials.h"
#include "webserver/tls/der_scan.h"
#include "webserver/tls/pem_scan.h"

/* A handshake with a larger key takes minutes. */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096

/* The Certificate message (RFC 5246 section 7.4.2) must fit in one record: 4 bytes of handshake
 * header, 3 of list length, 3 before each certificate. */
#ifndef MBEDTLS_SSL_OUT_CONTENT_LEN
#define MBEDTLS_SSL_OUT_CONTENT_LEN MBEDTLS_SSL_MAX_CONTENT_LEN
#endif
#define CHAIN_MAX (MBEDTLS_SSL_OUT_CONTENT_LEN - 7)

void tls_format_no_memory(char *error, size_t size) {
    net_heap_figures_t heap = net_heap_figures();
    snprintf(error, size,
             "Memory allocation failed: out of memory (%lu bytes free, largest block %lu)",
             (unsigned long)heap.free, (unsigned long)heap.largest);
}

/* Mbed TLS reports failed allocations by many codes, and in a chain's parser not at all: ask the
 * heap. */
static uint32_t failures_before;

static bool was_out_of_memory(char *error, size_t size) {
    if (net_heap_failures() == failures_before) {
        return false;
    }
    tls_format_no_memory(error, size);
    return true;
}

/* The first error of one that Mbed TLS has put together from two. */
static int high_level(int code) { return -(-code & 0xff80); }

static der_kind_t kind_of(const tls_file_t *file) {
    return der_kind((const uint8_t *)file->data, file->length);
}

static bool is_rsa_too_large(const uint8_t *der, size_t length) {
    return der_rsa_bytes(der, length) > RSA_BITS_MAX / 8;
}

/* Says why a file does not have what is wanted. */
static void format_wrong_file(const tls_file_t *file, const char *wanted, der_kind_t kind,
                              const pem_scan_t *scan, char *error, size_t size) {
    const char *name = file->name;
    if (file->length == 0) {
        snprintf(error, size, "%s is empty", name);
    } else if (kind == DER_PKCS12) {
        snprintf(error, size,
                 "%s is PKCS#12, with no %s in PEM or DER: convert it with openssl pkcs12 -in %s "
                 "-nodes -out FILE, which serves as both files",
                 name, wanted, name);
    } else if (scan->pkcs7) {
        snprintf(error, size,
                 "%s is PKCS#7, with no %s in PEM: convert it with openssl pkcs7 -in %s "
                 "-print_certs -out FILE",
                 name, wanted, name);
    } else if (scan->request || kind == DER_REQUEST) {
        snprintf(
            error, size,
            "no %s in %s, which is a request for a certificate: use what the CA returns for it",
            wanted, name);
    } else if (scan->pem || kind != DER_NONE) {
        snprintf(error, size, "no %s in %s", wanted, name);
    } else {
        snprintf(error, size, "%s is not PEM or DER", name);
    }
}

/* -------------------------------------------------------------------- certificates */

typedef struct {
    const uint8_t *der;
    size_t length;
    unsigned index, count; /* in the file, from 1 */
    const char *name;
} certificate_t;

static void format_certificate(const certificate_t *given, int code, char *error, size_t size) {
    int high = high_level(code);
    bool pss = given->der && der_has_pss_key(given->der, given->length);
    if (given->der && is_rsa_too_large(given->der, given->length)) {
        snprintf(error, size,
                 "certificate %u of %u in %s has an RSA key that is too large: at most %d bits, as "
                 "with openssl req -x509 -nodes -newkey rsa:2048",
                 given->index, given->count, given->name, RSA_BITS_MAX);
    } else if (pss || high == MBEDTLS_ERR_X509_UNKNOWN_SIG_ALG ||
               high == MBEDTLS_ERR_PK_UNKNOWN_PK_ALG ||
               high == MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE ||
               high == MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE) {
        snprintf(
            error, size,
            "certificate %u of %u in %s has an unsupported %s: use RSA, or ECDSA with P-256 or "
            "P-384, as with openssl req -x509 -nodes -newkey rsa:2048",
            given->index, given->count, given->name, pss ? "RSA-PSS key" : "algorithm or curve");
    } else {
        snprintf(error, size, "certificate %u of %u in %s is damaged (-0x%04x)", given->index,
                 given->count, given->name, (unsigned)-code);
    }
}

static bool add_certificate(mbedtls_x509_crt *chain, const certificate_t *given, char *error,
                            size_t size) {
    int r = mbedtls_x509_crt_parse_der(chain, given->der, given->length);
    if (was_out_of_memory(error, size)) {
        return false;
    }
    if (r != 0) {
        format_certificate(given, r, error, size);
    }
    return r == 0;
}

/* Decodes what begins at the BEGIN line `text`. */
static int decode(mbedtls_pem_context *pem, const char *text) {
    char begin[PEM_LINE_MAX], end[PEM_LINE_MAX];
    size_t used;
    mbedtls_pem_init(pem);
    return pem_lines(text, begin, end)
               ? mbedtls_pem_read_buffer(pem, begin, end, (const unsigned char *)text, NULL, 0,
                                         &used)
               : MBEDTLS_ERR_PEM_NO_HEADER_FOOTER_PRESENT;
}

/* One by one, to report which of them is damaged. */
static bool add_pem(mbedtls_x509_crt *chain, const tls_file_t *file, unsigned count, char *error,
                    size_t size) {
    const char *at = pem_next_certificate(file->data);
    certificate_t given = {.count = count, .name = file->name};
    for (given.index = 1; at; given.index++, at = pem_next_certificate(at + 1)) {
        mbedtls_pem_context pem;
        int r = decode(&pem, at);
        bool added = false;
        if (r == 0) {
            given.der = mbedtls_pem_get_buffer(&pem, &given.length);
            added = add_certificate(chain, &given, error, size);
        } else if (!was_out_of_memory(error, size)) {
            given.der = NULL;
            format_certificate(&given, r, error, size);
        }
        mbedtls_pem_free(&pem);
        if (!added) {
            return false;
        }
    }
    return true;
}

/* Certificates in DER may follow each other without anything in between. */
static bool add_der(mbedtls_x509_crt *chain, const tls_file_t *file, char *error, size_t size) {
    const uint8_t *data = (const uint8_t *)file->data;
    certificate_t given = {.count = 0, .name = file->name};
    for (size_t at = 0, n; at < file->length; at += n, given.count++) {
        n = der_element(data + at, file->length - at);
        n = n ? n : file->length - at; /* Mbed TLS says what is wrong */
    }
    for (size_t at = 0; at < file->length; at += given.length) {
        given.der = data + at;
        given.length = der_element(given.der, file->length - at);
        given.length = given.length ? given.length : file->length - at;
        given.index++;
        if (!add_certificate(chain, &given, error, size)) {
            return false;
        }
    }
    return true;
}

bool tls_parse_chain(mbedtls_x509_crt *chain, const tls_file_t *file, char *error, size_t size) {
    failures_before = net_heap_failures();
    der_kind_t kind = kind_of(file);
    bool is_der = kind == DER_CERTIFICATE;
    pem_scan_t scan = {0};
    if (kind == DER_NONE) {
        pem_normalize(file->data);
        scan = pem_scan(file->data);
    }
    if (!is_der && scan.certificates == 0) {
        format_wrong_file(file, "certificate", kind, &scan, error, size);
        return false;
    }
    if (!(is_der ? add_der(chain, file, error, size)
                 : add_pem(chain, file, scan.certificates, error, size))) {
        return false;
    }
    size_t total = 0;
    for (mbedtls_x509_crt *crt = chain; crt && crt->raw.p; crt = crt->next) {
        total += crt->raw.len + 3;
    }
    if (total > CHAIN_MAX) {
        snprintf(error, size, "the chain in %s is too large: %lu bytes, the limit is %lu",
                 file->name, (unsigned long)total, (unsigned long)CHAIN_MAX);
        return false;
    }
    return true;
}

/* -------------------------------------------------------------------- the key */

/* Mbed TLS takes a Montgomery curve's key (RFC 8410), which is only good for a key exchange. */
static bool can_sign(const mbedtls_pk_context *key) {
    if (!mbedtls_pk_can_do(key, MBEDTLS_PK_ECKEY)) {
        return true; /* RSA */
    }
    mbedtls_ecp_group_id curve = mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*key));
    return curve != MBEDTLS_ECP_DP_CURVE25519 && curve != MBEDTLS_ECP_DP_CURVE448;
}

/* Explains an error of Mbed TLS's. `der`: NULL if the PEM cannot be decoded. */
static void format_key(const char *name, const uint8_t *der, size_t length, int code, char *error,
                       size_t size) {
    int high = high_level(code);
    if (der && der_has_pss_key(der, length)) {
        snprintf(error, size,
                 "the key in %s is an unsupported RSA-PSS key: make a pair with openssl req -x509 "
                 "-nodes -newkey rsa:2048",
                 name);
    } else if (der && is_rsa_too_large(der, length)) {
        snprintf(error, size,
                 "the RSA key in %s is too large: %lu bits, at most %d are supported, as with "
                 "openssl req -x509 -nodes -newkey rsa:2048",
                 name, (unsigned long)der_rsa_bytes(der, length) * 8, RSA_BITS_MAX);
    } else if (high == MBEDTLS_ERR_PK_UNKNOWN_NAMED_CURVE ||
               high == MBEDTLS_ERR_ECP_FEATURE_UNAVAILABLE) {
        snprintf(error, size, "the key in %s is on an unsupported curve: use P-256 or P-384", name);
    } else if (high == MBEDTLS_ERR_PK_UNKNOWN_PK_ALG) {
        snprintf(error, size, "the key in %s is unsupported: it is neither RSA nor ECDSA", name);
    } else {
        snprintf(error, size, "the key in %s is damaged (-0x%04x)", name, (unsigned)-code);
    }
}

static void format_pem_key(const tls_file_t *file, int code, char *error, size_t size) {
    mbedtls_pem_context pem;
    const uint8_t *der = NULL;
    size_t length = 0;
    if (decode(&pem, pem_private_key(file->data)) == 0) {
        der = mbedtls_pem_get_buffer(&pem, &length);
    }
    if (!was_out_of_memory(error, size)) {
        format_key(file->name, der, length, code, error, size);
    }
    mbedtls_pem_free(&pem); /* zeroizes */
}

static bool read_key(mbedtls_pk_context *key, const tls_file_t *file, char *error, size_t size) {
    der_kind_t kind = kind_of(file);
    bool is_der = kind == DER_PRIVATE_KEY || kind == DER_ENCRYPTED;
    pem_scan_t scan = {.encrypted = kind == DER_ENCRYPTED};
    size_t length = file->length;
    if (kind == DER_NONE) {
        length = pem_normalize(file->data) + 1; /* Mbed TLS needs the NUL of PEM */
        scan = pem_scan(file->data);
    }
    if (!is_der && scan.private_keys == 0) {
        format_wrong_file(file, "private key", kind, &scan, error, size);
        return false;
    }
    if (scan.encrypted) {
        snprintf(error, size,
                 "the key in %s is encrypted and needs a password: store it without one, with "
                 "openssl pkey -in %s -out FILE",
                 file->name, file->name);
        return false;
    }
    if (scan.openssh) {
        snprintf(
            error, size,
            "the key in %s has the format of OpenSSH: convert it with ssh-keygen -p -N \"\" -m "
            "PEM -f %s",
            file->name, file->name);
        return false;
    }
    int r = mbedtls_pk_parse_key(key, (const unsigned char *)file->data, length, NULL, 0,
                                 tls_random, NULL);
    if (was_out_of_memory(error, size)) {
        return false;
    }
    if (r != 0 && is_der) {
        format_key(file->name, (const uint8_t *)file->data, length, r, error, size);
    } else if (r != 0) {
        format_pem_key(file, r, error, size);
    }
    return r == 0;
}

bool tls_parse_key(mbedtls_pk_context *key, const tls_file_t *file, char *error, size_t size) {
    failures_before = net_heap_failures();
    if (!read_key(key, file, error, size)) {
        return false;
    }
    if (!can_sign(key)) {
        snprintf(
            error, size,
            "the key in %s is an unsupported X25519 or X448 key, which cannot sign: use P-256, "
            "P-384 or RSA",
            file->name);
        return false;
    }
    size_t bits = mbedtls_pk_get_bitlen(key);
    bool is_rsa = mbedtls_pk_get_type(key) == MBEDTLS_PK_RSA;
    if (is_rsa && bits < RSA_BITS_MIN) {
        snprintf(error, size, "the RSA key in %s is too small: %lu bits, at least %d are needed",
                 file->name, (unsigned long)bits, RSA_BITS_MIN);
        return false;
    }
    if (is_rsa && bits > RSA_BITS_MAX) {
        snprintf(error, size,
                 "the RSA key in %s is too large: %lu bits, at most %d are supported, as with "
                 "openssl req -x509 -nodes -newkey rsa:2048",
                 file->name, (unsigned long)bits, RSA_BITS_MAX);
        return false;
    }
    return true;
}
