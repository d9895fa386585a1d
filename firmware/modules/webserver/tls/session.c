/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "mbedtls/error.h"
#include "mbedtls/platform_util.h"
#ifdef MBEDTLS_SSL_PROTO_TLS1_3
#include "psa/crypto.h"
#endif

#include "webserver/tls/allocator.h"
#include "webserver/tls/client_version.h"
#include "webserver/tls/credentials.h"
#include "webserver/tls/resumption.h"
#include "webserver/tls/session.h"
#include "webserver/tls/version.h"
#include "webserver/tls/wrapup.h"

/* Those of TLS 1.3, then those of TLS 1.2: AEAD suites first, then CBC. ESP-IDF's Mbed TLS also has
 * ARIA-GCM, but v5.3 and v5.4 compute AES-GCM in its place (MBEDTLS_GCM_SUPPORT_NON_AES_CIPHER in
 * components/mbedtls/Kconfig). */
static const int suites[] = {
#ifdef MBEDTLS_SSL_PROTO_TLS1_3
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
#endif
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
    0,
};

/* The quickest first: a handshake on P-256 has a table for one of its multiplications, which X25519
 * lacks. In TLS 1.3 the client's order decides, since Mbed TLS takes its first key share. */
static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

#define SSL_ERRORS 0x5e80 /* those of mbedtls/ssl.h, negated, begin here */

static mbedtls_ssl_config config;
static tls_identity_t *identity;
static const char *no_common_version; /* with the versions of the running server */

#ifdef MBEDTLS_SSL_PROTO_TLS1_3
/* TLS 1.3 uses PSA's interface, which has to be initialized once. */
static int start_psa(void) {
    psa_status_t status = psa_crypto_init();
    return status == PSA_SUCCESS                     ? 0
           : status == PSA_ERROR_INSUFFICIENT_MEMORY ? MBEDTLS_ERR_SSL_ALLOC_FAILED
                                                     : MBEDTLS_ERR_SSL_HW_ACCEL_FAILED;
}
#else
static int start_psa(void) { return 0; }
#endif

int tls_start(const transport_options_t *options) {
    tls_identity_t *new_identity = options->identity;
    mbedtls_ssl_config_init(&config);
    int r = mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER,
                                        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    if (r == 0) {
        r = start_psa();
    }
    if (r == 0) {
        mbedtls_ssl_conf_min_tls_version(&config,
                                         (mbedtls_ssl_protocol_version)options->minimum_version);
        mbedtls_ssl_conf_max_tls_version(&config,
                                         (mbedtls_ssl_protocol_version)options->maximum_version);
        mbedtls_ssl_conf_rng(&config, tls_random, NULL);
        mbedtls_ssl_conf_ciphersuites(&config, suites);
        mbedtls_ssl_conf_groups(&config, groups);
        r = mbedtls_ssl_conf_own_cert(&config, &new_identity->chain, &new_identity->key);
    }
    if (r == 0) {
        r = tls_resumption_start(&config, options);
    }
    if (r != 0) {
        tls_resumption_stop();
        mbedtls_ssl_config_free(&config);
        return r;
    }
    identity = new_identity;
    no_common_version = options->minimum_version == TLS_1_3
                            ? "no TLS version in common with the client (TLS 1.3)"
                        : options->maximum_version == TLS_1_2
                            ? "no TLS version in common with the client (TLS 1.2)"
                            : "no TLS version in common with the client (TLS 1.2 and 1.3)";
    return 0;
}

void tls_stop(void) {
    if (identity) {
        mbedtls_ssl_config_free(&config);
        tls_resumption_stop();
        tls_identity_free(identity);
        identity = NULL;
    }
}

void tls_free(connection_t *connection) {
    if (connection->tls) {
        mbedtls_ssl_free(&connection->tls->ssl); /* zeroizes keys and buffers */
        tls_records_free(&connection->tls->records);
        net_free(connection->tls);
        connection->tls = NULL;
    }
}

static server_cause_t explain(const connection_t *connection, int code, bool memory,
                              const char **what) {
    if (memory) {
        *what = "out of memory in the handshake";
        return CAUSE_NO_MEMORY;
    }
    switch (code) {
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        *what = "the client closed the connection in the handshake";
        return CAUSE_HANDSHAKE_CLOSED;
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        *what = "the client ended the handshake with an alert";
        return CAUSE_TLS_ALERT;
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
        *what = no_common_version;
        return CAUSE_TLS_VERSION;
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE: /* also for other parameters that differ */
        *what = "no cipher suite in common with the client";
        return CAUSE_TLS_CIPHER;
    default:
        *what = connection->started ? "the TLS handshake failed" : "this is not TLS";
        return CAUSE_TLS_PROTOCOL;
    }
}

static io_result_t fail(connection_t *connection, server_cause_t cause, const char *what,
                        int code) {
    server_stats.handshakes.failed++;
    char text[160];
    if (code) {
        char reason[96];
        mbedtls_strerror(code, reason, sizeof reason);
        snprintf(text, sizeof text, "%s (-0x%04x %s)", what, (unsigned)-code, reason);
        what = text;
    }
    connection_failure(connection, cause, what);
    tls_free(connection); /* frees its memory at once; an alert was already passed to lwIP */
    connection_finish(connection);
    return IO_ENDED;
}

/* Fails before there is a session to send an alert. */
static io_result_t fail_early(connection_t *connection, server_cause_t cause, const char *what,
                              int code, uint8_t alert) {
    const uint8_t record[] = {MBEDTLS_SSL_MSG_ALERT,         3,    3, 0, 2,
                              MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert};
    connection_bio_send(connection, record, sizeof record);
    return fail(connection, cause, what, code);
}

static int receive(void *context, unsigned char *data, size_t length) {
    connection_t *connection = context;
    int n = tls_records_receive(&connection->tls->records, data, length);
    return n == TLS_RECORDS_INVALID     ? MBEDTLS_ERR_SSL_INVALID_RECORD
           : n == TLS_RECORDS_NO_MEMORY ? MBEDTLS_ERR_SSL_ALLOC_FAILED
                                        : n;
}

/* Whether this is a whole record, not the rest of one of which lwIP took a part. */
static bool is_whole(const unsigned char *data, size_t length) {
    return length > RECORD_HEADER && length - RECORD_HEADER == (size_t)(data[3] << 8 | data[4]);
}

static int send(void *context, const unsigned char *data, size_t length) {
    connection_t *connection = context;
    tls_session_t *tls = connection->tls;
    if (is_whole(data, length)) {
        tls->alerted |= data[0] == MBEDTLS_SSL_MSG_ALERT;
        if (data[0] == MBEDTLS_SSL_MSG_CHANGE_CIPHER_SPEC &&
            mbedtls_ssl_get_version_number(&tls->ssl) == MBEDTLS_SSL_VERSION_TLS1_2) {
            tls->resumed = tls_records_changed(&tls->records);
        }
    }
    return connection_bio_send(connection, data, length);
}

/* Allocates the session when the first bytes have arrived: a client that only connects costs 200
 * bytes. */
static int open_session(connection_t *connection) {
    connection->tls = net_malloc(sizeof *connection->tls);
    if (!connection->tls) {
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    tls_session_t *tls = connection->tls;
    tls->alerted = tls->resumed = false;
    tls_records_init(&tls->records, connection_bio_receive, connection);
    mbedtls_ssl_init(&tls->ssl);
    int r = mbedtls_ssl_setup(&tls->ssl, &config);
    if (r == 0) {
        tls_negotiate_tls12(&tls->ssl);
    }
    mbedtls_ssl_set_bio(&tls->ssl, connection, send, receive, NULL);
    return r;
}

static uint8_t due_alert(const tls_session_t *tls, int code, bool memory) {
    if (memory) {
        return MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR;
    }
    switch (code) {
    case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
        return MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION;
    case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
        return MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
    case MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER:
        return MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER;
    case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
        return MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
    case MBEDTLS_ERR_SSL_INVALID_MAC:
        return MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC;
    case MBEDTLS_ERR_SSL_ALLOC_FAILED:
    case MBEDTLS_ERR_SSL_INTERNAL_ERROR:
        return MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR;
    default: /* those of other modules, such as for a signature, are not the client's fault */
        return -code >= SSL_ERRORS ? tls_records_alert(&tls->records)
                                   : MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR;
    }
}

/* Sends the alert that is due for an error (RFC 5246 section 7.2.2), unless Mbed TLS has sent one,
 * which it omits for several errors. */
static void send_alert(tls_session_t *tls, int code, bool memory) {
    switch (code) {
    case MBEDTLS_ERR_SSL_CONN_EOF:
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_WANT_WRITE:
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return;
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        tls_resumption_forget(&tls->ssl);
        return;
    default:
        if (code < 0) {
            tls_resumption_forget(&tls->ssl);
        }
        if (code < 0 && !tls->alerted) {
            mbedtls_ssl_send_alert_message(&tls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                           due_alert(tls, code, memory));
        }
    }
}

int tls_read(connection_t *connection, uint8_t *data, size_t size, bool *memory) {
    uint32_t failures = net_heap_failures();
    int n = mbedtls_ssl_read(&connection->tls->ssl, data, size);
    *memory = net_heap_failures() != failures;
    send_alert(connection->tls, n, *memory);
    return n;
}

io_result_t tls_handshake(connection_t *connection) {
    if (!connection->tls) {
        if (!connection->rx) {
            if (!connection->eof) {
                return IO_BLOCKED;
            }
            return fail(connection, CAUSE_HANDSHAKE_CLOSED,
                        "the client closed the connection before the handshake", 0);
        }
        uint8_t first = *((uint8_t *)connection->rx->payload + connection->rx_at);
        if (first >= 'A' && first <= 'Z') {
            return fail_early(connection, CAUSE_PLAIN_ON_TLS, "plain HTTP on the TLS port", 0,
                              MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
        }
        connection->started = first == 0x16; /* a handshake record (RFC 8446 section 5.1) */
        int r = open_session(connection);
        if (r != 0) {
            return fail_early(connection, CAUSE_NO_MEMORY, "out of memory for a TLS session", r,
                              MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
        }
    }
    /* Mbed TLS reports failed allocations by many codes, or not at all: ask the heap. */
    uint32_t failures = net_heap_failures();
    tls_memory_begin_step();
    tls_resumption_step(&connection->tls->ssl);
    /* A signature takes tenths of a second: frames and timers must not wait for it. */
    network_pause();
    int r = mbedtls_ssl_handshake(&connection->tls->ssl);
    network_resume();
    tls_memory_end_step();
    if (r == MBEDTLS_ERR_SSL_WANT_READ || r == MBEDTLS_ERR_SSL_WANT_WRITE) {
        return IO_BLOCKED;
    }
    if (r != 0) {
        if (tls_records_is_alert(&connection->tls->records)) {
            /* Mbed TLS 3.6.2 expects nothing but a ClientHello here, 3.6.7 does not. */
            r = MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE;
        }
        bool memory = net_heap_failures() != failures;
        send_alert(connection->tls, r, memory);
        const char *what;
        server_cause_t cause = explain(connection, r, memory, &what);
        return fail(connection, cause, what, r);
    }
    r = tls_free_handshake(&connection->tls->ssl);
    if (r != 0) {
        send_alert(connection->tls, r, true);
        return fail(connection, CAUSE_NO_MEMORY, "out of memory in the handshake", r);
    }
    server_stats.handshakes.ok++;
    server_stats.handshakes.resumed += connection->tls->resumed;
    return IO_OK;
}
