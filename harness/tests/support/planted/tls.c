/* SPDX-License-Identifier: MIT */
#include "tls.h"

#include <stdio.h>
#include <string.h>

#include "board.h"
#include "faults.h"
#include "identity.h"
#include "mbedtls/ctr_drbg.h"
#include "mbedtls/pk.h"
#include "mbedtls/ssl.h"
#include "mbedtls/x509_crt.h"
#include "panic.h"
#include "server.h"
#include "webserver/net_heap.h"
#include "webserver/tls/allocator.h"

#define HANDSHAKE_RECORD 0x16
#define ALERT_RECORD 0x15
#define RECORD_HEADER 5
/* A ClientHello of OpenSSL 3.5 has 1.6 kB, those of browsers 1.8 kB. */
#define LARGE_HELLO 1700

static mbedtls_ssl_config config;
static mbedtls_x509_crt chain;
static mbedtls_pk_context key;
static mbedtls_ctr_drbg_context random_generator;

/* AEAD only, as RFC 9325 section 4.2 recommends. */
static const int suites[] = {
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    0,
};

static int entropy(void *unused, unsigned char *out, size_t size) {
    (void)unused;
    return board_entropy(out, size);
}

static const identity_t *identity(void) {
    return FAULT(EXPIRED_CERTIFICATE) ? &identity_expired
           : FAULT(NO_NAME)           ? &identity_no_name
           : FAULT(WRONG_KEY)         ? &identity_wrong_key
                                      : &identity_good;
}

static int parse(const identity_t *from) {
    int error = mbedtls_x509_crt_parse(&chain, (const uint8_t *)from->certificate,
                                       strlen(from->certificate) + 1);
    if (error == 0) {
        error = mbedtls_pk_parse_key(&key, (const uint8_t *)from->key, strlen(from->key) + 1, NULL,
                                     0, mbedtls_ctr_drbg_random, &random_generator);
    }
    return error;
}

bool tls_start(void) {
    mbedtls_ssl_config_init(&config);
    mbedtls_x509_crt_init(&chain);
    mbedtls_pk_init(&key);
    mbedtls_ctr_drbg_init(&random_generator);
    int error = mbedtls_ctr_drbg_seed(&random_generator, entropy, NULL, NULL, 0);
    if (error == 0) {
        error = parse(identity());
    }
    if (error == 0) {
        error =
            mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER,
                                        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    }
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random_generator);
    mbedtls_ssl_conf_ciphersuites(&config, suites);
    if (error == 0 && !FAULT(CANNOT_DO_A_HANDSHAKE)) {
        error = mbedtls_ssl_conf_own_cert(&config, &chain, &key);
    }
    if (error != 0) {
        printf("https server: no certificate (-0x%04x)\n", (unsigned)-error);
    }
    return error == 0;
}

static int take(void *context, unsigned char *out, size_t size) {
    connection_t *c = context;
    size_t taken = connection_take(c, out, size);
    if (taken > 0) {
        return (int)taken;
    }
    c->tls_at_end = c->fin;
    return c->fin ? MBEDTLS_ERR_SSL_CONN_EOF : MBEDTLS_ERR_SSL_WANT_READ;
}

static int receive(void *context, unsigned char *out, size_t size) {
    connection_t *c = context;
    int taken = tls_records_receive(&c->records, out, size);
    return taken == TLS_RECORDS_INVALID     ? MBEDTLS_ERR_SSL_INVALID_RECORD
           : taken == TLS_RECORDS_NO_MEMORY ? MBEDTLS_ERR_SSL_ALLOC_FAILED
                                            : taken;
}

static int send(void *context, const unsigned char *data, size_t size) {
    connection_t *c = context;
    c->tls_alerted |= data[0] == ALERT_RECORD;
    size_t taken = connection_put(c, data, size);
    return taken > 0 ? (int)taken : MBEDTLS_ERR_SSL_WANT_WRITE;
}

static int open_session(connection_t *c) {
    c->tls = net_malloc(sizeof(*c->tls));
    if (c->tls == NULL) {
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    }
    tls_records_init(&c->records, take, c);
    c->records.opaque = FAULT(SPLIT_HELLO_FAILS);
    mbedtls_ssl_init(c->tls);
    int error = mbedtls_ssl_setup(c->tls, &config);
    mbedtls_ssl_set_bio(c->tls, c, send, receive, NULL);
    return error;
}

/* What is wrong with the first record's header and first byte: an alert, or 0. */
static unsigned check_first_record(const connection_t *c) {
    if (connection_peek(c, 0) != HANDSHAKE_RECORD) {
        if (FAULT(GARBAGE_PANICS)) {
            panic_message("assert failed: check_first_record tls.c (type == HANDSHAKE)");
        }
        return MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
    }
    size_t there = connection_received(c);
    if (there < RECORD_HEADER) {
        return FAULT(TINY_SEGMENTS_FAIL) ? MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR : 0;
    }
    unsigned size = connection_peek(c, 3) << 8 | connection_peek(c, 4);
    if (connection_peek(c, 1) != MBEDTLS_SSL_MAJOR_VERSION_3) {
        return MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION;
    }
    if (size > MBEDTLS_SSL_IN_CONTENT_LEN) {
        return MBEDTLS_SSL_ALERT_MSG_RECORD_OVERFLOW;
    }
    if (size == 0 || (FAULT(LARGE_HELLO_FAILS) && size > LARGE_HELLO)) {
        return MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR;
    }
    if (there > RECORD_HEADER && connection_peek(c, RECORD_HEADER) != MBEDTLS_SSL_HS_CLIENT_HELLO) {
        return MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
    }
    return 0;
}

static tls_step_t begin(connection_t *c) {
    if (connection_received(c) == 0) {
        return c->fin ? TLS_FAILED : TLS_WAITS;
    }
    uint8_t description = check_first_record(c);
    if (description != 0) {
        if (FAULT(HOLDS_PLAIN_HTTP)) {
            return TLS_WAITS;
        }
        const uint8_t record[] = {ALERT_RECORD, 3, 3, 0, 2, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
                                  description};
        connection_put(c, record, sizeof(record));
        return TLS_FAILED;
    }
    if (connection_received(c) <= RECORD_HEADER) {
        return c->fin ? TLS_FAILED : TLS_WAITS;
    }
    if (open_session(c) != 0) {
        printf("https server: no memory for a session\n");
        return TLS_FAILED;
    }
    return TLS_WORKED;
}

/* Sends the alert that is due (RFC 5246 section 7.2), unless Mbed TLS has. */
static void alert(connection_t *c, int error) {
    if (c->tls_alerted || error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ||
        error == MBEDTLS_ERR_SSL_CONN_EOF) {
        return;
    }
    unsigned char description =
        error == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE ? MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE
        : error == MBEDTLS_ERR_SSL_INVALID_RECORD   ? tls_records_alert(&c->records)
        : error == MBEDTLS_ERR_SSL_ALLOC_FAILED     ? MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR
                                                    : MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
    mbedtls_ssl_send_alert_message(c->tls, MBEDTLS_SSL_ALERT_LEVEL_FATAL, description);
}

tls_step_t tls_handshake(connection_t *c) {
    if (c->tls == NULL) {
        return begin(c);
    }
    tls_memory_begin_step();
    int error = mbedtls_ssl_handshake_step(c->tls);
    tls_memory_end_step();
    if (error == 0) {
        return mbedtls_ssl_is_handshake_over(c->tls) ? TLS_DONE : TLS_WORKED;
    }
    if (error == MBEDTLS_ERR_SSL_WANT_READ || error == MBEDTLS_ERR_SSL_WANT_WRITE) {
        return TLS_WAITS;
    }
    alert(c, error);
    printf("https server: the handshake failed (-0x%04x)\n", (unsigned)-error);
    return TLS_FAILED;
}

int tls_read(connection_t *c, uint8_t *out, size_t size) {
    if (c->tls_ended) {
        return 0;
    }
    int got;
    do { /* 0 is the end of the connection, or the second of two empty records */
        got = mbedtls_ssl_read(c->tls, out, size);
    } while (got == 0 && !c->tls_at_end);
    if (got > 0) {
        return got;
    }
    if (got == 0 || got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || got == MBEDTLS_ERR_SSL_CONN_EOF) {
        c->tls_ended = true;
        return 0;
    }
    if (got == MBEDTLS_ERR_SSL_WANT_READ || got == MBEDTLS_ERR_SSL_WANT_WRITE) {
        return 0;
    }
    alert(c, got);
    tls_free(c); /* no close_notify after an error */
    return -1;
}

int tls_write(connection_t *c, const uint8_t *data, size_t size) {
    if (c->tls == NULL) {
        return -1;
    }
    /* an unfinished record must be continued with the size that it was begun with */
    size = c->tls_unfinished != 0 ? c->tls_unfinished : size;
    int limit = mbedtls_ssl_get_max_out_record_payload(c->tls);
    if (limit > 0 && size > (size_t)limit) {
        size = (size_t)limit;
    }
    int put = mbedtls_ssl_write(c->tls, data, size);
    if (put == MBEDTLS_ERR_SSL_WANT_WRITE || put == MBEDTLS_ERR_SSL_WANT_READ) {
        c->tls_unfinished = size;
        return 0;
    }
    c->tls_unfinished = 0;
    return put < 0 ? -1 : put;
}

bool tls_close(connection_t *c) {
    return FAULT(NO_CLOSE_NOTIFY) || mbedtls_ssl_close_notify(c->tls) != MBEDTLS_ERR_SSL_WANT_WRITE;
}

void tls_free(connection_t *c) {
    tls_records_free(&c->records);
    if (c->tls != NULL) {
        mbedtls_ssl_free(c->tls);
        net_free(c->tls);
        c->tls = NULL;
    }
}
