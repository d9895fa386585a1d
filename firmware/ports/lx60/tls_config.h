/* SPDX-License-Identifier: MIT */
/*
 * Mbed TLS 3.6 as the transport uses it: a TLS 1.2 server with ECDHE for RSA and ECDSA keys, and
 * TLS 1.3 beside it with `make TLS13=1`.
 * Buffer sizes are ESP-IDF's default ("asymmetric content length": 16 kB in, 4 kB out). Not named
 * mbedtls_config.h, since Mbed TLS would then find its own file of that name.
 */
#ifndef LX60_TLS_CONFIG_H
#define LX60_TLS_CONFIG_H

/* All memory comes from the bounded network heap. */
#include "webserver/tls/allocator.h"
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_PLATFORM_MEMORY
#define MBEDTLS_PLATFORM_CALLOC_MACRO tls_calloc
#define MBEDTLS_PLATFORM_FREE_MACRO tls_release
#define MBEDTLS_ERROR_C

/* 64-bit division is a library call on Xtensa: without this RSA takes 2.3 times as long. */
#define MBEDTLS_NO_UDBL_DIVISION
#define MBEDTLS_HAVE_ASM

#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_SRV_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_ENCRYPT_THEN_MAC
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_SSL_ALL_ALERT_MESSAGES
#define MBEDTLS_SSL_IN_CONTENT_LEN 16384
#define MBEDTLS_SSL_OUT_CONTENT_LEN 4096
#define MBEDTLS_SSL_SESSION_TICKETS
#define MBEDTLS_SSL_TICKET_C
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED

#if LX60_TLS13
/* Full handshakes alone: no pre-shared keys, and so no tickets of TLS 1.3. */
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE /* Mbed TLS asks for it, though no client has one */
/* Mbed TLS has the key schedule and the key exchange of TLS 1.3 in PSA's interface alone. Its
 * random numbers are the server's own (tls/credentials.c). */
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG
#define MBEDTLS_HKDF_C
#endif

#define MBEDTLS_BIGNUM_C
#define MBEDTLS_MPI_MAX_SIZE 512 /* RSA-4096 */
/* One more than the default: RSA takes 5 % less, for 1 kB at the peak of an RSA-2048 handshake. */
#define MBEDTLS_MPI_WINDOW_SIZE 4
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21

#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_CIPHER_C
#define MBEDTLS_CIPHER_MODE_CBC
#define MBEDTLS_GCM_C
#define MBEDTLS_CTR_DRBG_C
#define MBEDTLS_MD_C
#define MBEDTLS_SHA1_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA384_C
#define MBEDTLS_SHA512_C

#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_BASE64_C
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_OID_C
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_PK_PARSE_EC_EXTENDED   /* curves whose parameters are spelled out */
#define MBEDTLS_PK_PARSE_EC_COMPRESSED /* compressed points */
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
/* Certificates that are signed with it; and in TLS 1.3, an RSA key does (RFC 8446 section 4.2.3).
 */
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT

#endif
