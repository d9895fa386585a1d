/* SPDX-License-Identifier: MIT */
/*
 * The client's TLS records, on their way to Mbed TLS.
 *
 * A client may send a handshake message in several records, and several messages in one (RFC 5246
 * section 6.2.1); some cut their ClientHello to pass middleboxes. Mbed TLS before 3.6.3 refuses a
 * cut message, and later versions still refuse some, so Mbed TLS gets each message in a record of
 * its own. Only unencrypted records are changed: the hash of a handshake covers its messages, not
 * its records (section 7.4.9).
 *
 * Mbed TLS ends a connection without an alert when a record is invalid. tls_records_alert() returns
 * the alert that is due.
 */
#ifndef ESPBENCH_WEBSERVER_TLS_RECORDS_H
#define ESPBENCH_WEBSERVER_TLS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_HEADER 5  /* RFC 5246 section 6.2.1 */
#define MESSAGE_HEADER 4 /* RFC 5246 section 7.4 */

/* Receives up to `length` bytes, at least one; a negative result is passed on. */
typedef int tls_receive_t(void *context, unsigned char *data, size_t length);

typedef struct {
    tls_receive_t *receive;
    void *context;
    uint8_t header[RECORD_HEADER];   /* of the current record */
    uint8_t message[MESSAGE_HEADER]; /* of the current message, of which pieces may be missing */
    uint8_t header_known, message_known;
    bool cut;         /* the message's header lies in several records */
    bool interrupted; /* another record came between a message's pieces */
    bool after_hello; /* the last message was a ClientHello */
    bool changed;     /* the server has sent its ChangeCipherSpec in TLS 1.2 */
    bool opaque;      /* what follows is encrypted */
    bool plain;       /* the current record is not encrypted */
    uint16_t left;    /* bytes of the current record that were not received yet */
    uint16_t pass;    /* how many of them Mbed TLS gets as they are, after `out` */
    uint8_t out[RECORD_HEADER + MESSAGE_HEADER];
    uint8_t out_length, out_given;
    uint8_t *joined; /* a record whose message is put together, or NULL */
    uint16_t joined_size, joined_length, joined_given;
} tls_records_t;

#define TLS_RECORDS_INVALID (-1)
#define TLS_RECORDS_NO_MEMORY (-2)

void tls_records_init(tls_records_t *records, tls_receive_t *receive, void *context);
void tls_records_free(tls_records_t *records);

/* Returns how many bytes were copied to `data`, or a negative code. A record's header is copied
 * whole or not at all, and only if its length is valid: ESP-IDF's dynamic buffers
 * (CONFIG_MBEDTLS_DYNAMIC_BUFFER) lose a partial one, and are allocated by that length before Mbed
 * TLS checks it. */
int tls_records_receive(tls_records_t *records, unsigned char *data, size_t length);

/* Notes that the server has sent its ChangeCipherSpec in TLS 1.2. Returns whether that is before
 * the client's, as when a session is resumed (RFC 5246 section 7.3). */
bool tls_records_changed(tls_records_t *records);

/* Whether a record was begun whose rest has not been received. */
bool tls_records_incomplete(const tls_records_t *records);

/* Whether the current record is an unencrypted alert. */
bool tls_records_is_alert(const tls_records_t *records);

/* The alert due for the current record if it is invalid (RFC 5246 section 7.2.2). */
uint8_t tls_records_alert(const tls_records_t *records);

#endif
