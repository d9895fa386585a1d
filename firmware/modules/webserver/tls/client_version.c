/* SPDX-License-Identifier: MIT */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* for the handshake of a mbedtls_ssl_context */
#include "mbedtls/version.h"

#include "webserver/tls/client_hello.h"
#include "webserver/tls/client_version.h"
#include "webserver/tls/resumption.h"

#if MBEDTLS_VERSION_MAJOR == 3

/* The layer below Mbed TLS cannot lower client_version, as the Finished messages cover it. Mbed TLS
 * hashes the ClientHello and then reads the version (ssl_parse_client_hello in
 * ssl_tls12_server.c); its only hook between the two is private. ESP-IDF's
 * esp_mbedtls_dynamic_impl.h includes this header, too. */
#include "../library/ssl_misc.h"

enum { VERSION_AT = 4 }; /* behind type and length (RFC 5246 section 7.4) */

typedef int update_checksum_t(mbedtls_ssl_context *, const unsigned char *, size_t);

static update_checksum_t *update_checksum; /* the same for every new session */

static int update_and_judge(mbedtls_ssl_context *ssl, const unsigned char *message, size_t length) {
    int r = update_checksum(ssl, message, length);
    unsigned char *hello = ssl->in_msg;
    if (r != 0 || message != hello || length < VERSION_AT + 2 ||
        hello[0] != MBEDTLS_SSL_HS_CLIENT_HELLO) {
        return r;
    }
    bool extended;
    client_hello_t verdict = client_hello_judge(hello, length, &extended);
    tls_resumption_extended(ssl, extended);
    switch (verdict) {
    case HELLO_NO_TLS12:
        return MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION;
    case HELLO_ILLEGAL:
        return MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER;
    case HELLO_MALFORMED:
        return MBEDTLS_ERR_SSL_DECODE_ERROR;
    case HELLO_OK:
        break;
    }
    if (MBEDTLS_GET_UINT16_BE(hello, VERSION_AT) > MBEDTLS_SSL_VERSION_TLS1_2) {
        MBEDTLS_PUT_UINT16_BE(MBEDTLS_SSL_VERSION_TLS1_2, hello, VERSION_AT);
    }
    return 0;
}

void tls_negotiate_tls12(mbedtls_ssl_context *ssl) {
    update_checksum = ssl->handshake->update_checksum;
    ssl->handshake->update_checksum = update_and_judge;
}

#else

void tls_negotiate_tls12(mbedtls_ssl_context *ssl) { (void)ssl; }

#endif
