/* SPDX-License-Identifier: MIT */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* for the handshake of a mbedtls_ssl_context */
#include "mbedtls/platform.h"
#include "mbedtls/version.h"

#include "webserver/tls/wrapup.h"

#if MBEDTLS_VERSION_MAJOR == 3 && defined(MBEDTLS_SSL_PROTO_TLS1_3)

#include "../library/ssl_misc.h"

/* As mbedtls_ssl_free(), which frees a transform of TLS 1.2, too, that nobody has used. Afterwards
 * Mbed TLS looks at the handshake only in DTLS, and in renegotiations of TLS 1.2. */
static void free_handshake(mbedtls_ssl_context *ssl) {
    if (ssl->handshake) {
        mbedtls_ssl_handshake_free(ssl);
        mbedtls_free(ssl->handshake);
        ssl->handshake = NULL;
        mbedtls_ssl_transform_free(ssl->transform_negotiate);
        mbedtls_free(ssl->transform_negotiate);
        ssl->transform_negotiate = NULL;
    }
}

#else

static void free_handshake(mbedtls_ssl_context *ssl) { (void)ssl; }

#endif

#ifdef CONFIG_MBEDTLS_DYNAMIC_BUFFER

/* Of esp_mbedtls_dynamic_impl.h, which is private. Does nothing if the buffer is free already. */
int esp_mbedtls_free_rx_buffer(mbedtls_ssl_context *ssl);

static int free_buffer(mbedtls_ssl_context *ssl) { return esp_mbedtls_free_rx_buffer(ssl); }

#else

static int free_buffer(mbedtls_ssl_context *ssl) {
    (void)ssl;
    return 0;
}

#endif

int tls_free_handshake(mbedtls_ssl_context *ssl) {
    free_handshake(ssl);
    return free_buffer(ssl);
}
