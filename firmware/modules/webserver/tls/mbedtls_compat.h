/* SPDX-License-Identifier: MIT */
/* The differences between Mbed TLS 2.28 (lx60) and 3.x (ESP-IDF) in one place. */
#ifndef ESPBENCH_WEBSERVER_TLS_MBEDTLS_COMPAT_H
#define ESPBENCH_WEBSERVER_TLS_MBEDTLS_COMPAT_H

#include "mbedtls/pk.h"
#include "mbedtls/sha1.h"
#include "mbedtls/sha256.h"
#include "mbedtls/ssl.h"
#include "mbedtls/version.h"

#if MBEDTLS_VERSION_MAJOR >= 3
#define COMPAT_PK_PARSE(pk, text, size, rng)                                                       \
    mbedtls_pk_parse_key(pk, text, size, NULL, 0, rng, NULL)
#define COMPAT_PK_CHECK_PAIR(public_key, key, rng) mbedtls_pk_check_pair(public_key, key, rng, NULL)
#define COMPAT_SHA1 mbedtls_sha1
#define COMPAT_ERR_NO_VERSION MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION
/* one code for every kind of parameter that server and client cannot agree on */
#define COMPAT_CASE_NO_CIPHER case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE
#define COMPAT_SHA256_STARTS(sha) mbedtls_sha256_starts(sha, 0)
#define COMPAT_SHA256_UPDATE mbedtls_sha256_update
#define COMPAT_SHA256_FINISH mbedtls_sha256_finish
#define COMPAT_VERSION_OF_ALERTS(ssl) ((void)(ssl)) /* mbedtls_ssl_setup() sets it */
#else
#define COMPAT_PK_PARSE(pk, text, size, rng) mbedtls_pk_parse_key(pk, text, size, NULL, 0)
#define COMPAT_PK_CHECK_PAIR(public_key, key, rng) mbedtls_pk_check_pair(public_key, key)
#define COMPAT_SHA1 mbedtls_sha1_ret
#define COMPAT_ERR_NO_VERSION MBEDTLS_ERR_SSL_BAD_HS_PROTOCOL_VERSION
#define COMPAT_CASE_NO_CIPHER                                                                      \
    case MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN:                                                         \
    case MBEDTLS_ERR_SSL_NO_USABLE_CIPHERSUITE
#define COMPAT_SHA256_STARTS(sha) mbedtls_sha256_starts_ret(sha, 0)
#define COMPAT_SHA256_UPDATE mbedtls_sha256_update_ret
#define COMPAT_SHA256_FINISH mbedtls_sha256_finish_ret
/* An alert before the version is negotiated would have version 0.0. */
#define COMPAT_VERSION_OF_ALERTS(ssl)                                                              \
    do {                                                                                           \
        if ((ssl)->major_ver == 0) {                                                               \
            (ssl)->major_ver = MBEDTLS_SSL_MAJOR_VERSION_3;                                        \
            (ssl)->minor_ver = MBEDTLS_SSL_MINOR_VERSION_3;                                        \
        }                                                                                          \
    } while (0)
#endif

#endif
