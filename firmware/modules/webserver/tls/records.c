/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "webserver/net_heap.h"
#include "webserver/tls/records.h"

#define RECORD_MAX (16384 + 2048) /* RFC 5246 section 6.2.3 */
#define JOINED_MAX 8192           /* of a message whose pieces are put together */

#define MAJOR_VERSION 3

enum { CHANGE_CIPHER_SPEC = 20, ALERT, HANDSHAKE, APPLICATION_DATA }; /* RFC 5246 section 6.2.1 */
enum { UNEXPECTED_MESSAGE = 10, RECORD_OVERFLOW = 22, DECODE_ERROR = 50, PROTOCOL_VERSION = 70 };

#define CLIENT_HELLO 1 /* RFC 5246 section 7.4 */

#define READY 1 /* other results are negative: see tls_records_receive() */

void tls_records_init(tls_records_t *records, tls_receive_t *receive, void *context) {
    *records = (tls_records_t){.receive = receive, .context = context};
}

void tls_records_free(tls_records_t *records) {
    net_free(records->joined);
    records->joined = NULL;
}

static uint16_t record_length(const tls_records_t *records) {
    return (uint16_t)(records->header[3] << 8 | records->header[4]);
}

static size_t message_size(const tls_records_t *records) {
    const uint8_t *message = records->message;
    return MESSAGE_HEADER + ((size_t)message[1] << 16 | message[2] << 8 | message[3]);
}

static bool is_known(uint8_t type) {
    return type >= CHANGE_CIPHER_SPEC && type <= APPLICATION_DATA;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Writes the header of a record that has `length` bytes of the current one. */
static void write_header(const tls_records_t *records, uint8_t *to, size_t length) {
    memcpy(to, records->header, RECORD_HEADER - 2);
    to[3] = (uint8_t)(length >> 8);
    to[4] = (uint8_t)length;
}

/* Gives Mbed TLS a header, the bytes in `message`, and `pass` bytes more. */
static int give(tls_records_t *records, size_t pass) {
    size_t known = records->message_known;
    write_header(records, records->out, known + pass);
    memcpy(records->out + RECORD_HEADER, records->message, known);
    records->out_length = (uint8_t)(RECORD_HEADER + known);
    records->out_given = records->message_known = 0;
    records->pass = (uint16_t)pass;
    return READY;
}

static int begin_record(tls_records_t *records) {
    while (records->header_known < RECORD_HEADER) {
        int n = records->receive(records->context, records->header + records->header_known,
                                 RECORD_HEADER - records->header_known);
        if (n < 0) {
            return n;
        }
        records->header_known += (uint8_t)n;
    }
    records->header_known = 0;
    records->left = record_length(records);
    uint8_t type = records->header[0];
    records->plain = !records->opaque;
    if (!is_known(type) || records->left > RECORD_MAX) {
        return TLS_RECORDS_INVALID;
    }
    if (type == HANDSHAKE && records->left > 0 && !records->opaque) {
        return READY;
    }
    if (records->message_known > 0 || records->joined) {
        records->interrupted = type != ALERT;
        tls_records_free(records);
        records->message_known = 0;
        if (records->interrupted) {
            return TLS_RECORDS_INVALID;
        }
    }
    /* A change_cipher_spec after a ClientHello is one of TLS 1.3 for middleboxes, and changes
     * nothing: a second ClientHello may follow (RFC 8446 appendix D.4). In TLS 1.2 it comes after a
     * ClientKeyExchange, or after the server's own when a session is resumed. */
    records->opaque |= type == APPLICATION_DATA;
    records->opaque |= type == CHANGE_CIPHER_SPEC && (!records->after_hello || records->changed);
    return give(records, records->left);
}

static int begin_message(tls_records_t *records) {
    while (records->message_known < MESSAGE_HEADER) {
        if (records->left == 0) {
            records->cut = true;
            return READY; /* the next record has more of it */
        }
        size_t wanted = least(MESSAGE_HEADER - records->message_known, records->left);
        int n =
            records->receive(records->context, records->message + records->message_known, wanted);
        if (n < 0) {
            return n;
        }
        records->message_known += (uint8_t)n;
        records->left -= (uint16_t)n;
    }
    records->after_hello = records->message[0] == CLIENT_HELLO;
    size_t size = message_size(records);
    bool whole = size - MESSAGE_HEADER <= records->left;
    if (!records->cut && (whole || size > JOINED_MAX)) {
        records->opaque |= !whole; /* Mbed TLS decides what to do with its pieces */
        return give(records, whole ? size - MESSAGE_HEADER : records->left);
    }
    if (size > JOINED_MAX) {
        return TLS_RECORDS_INVALID;
    }
    records->joined = net_malloc(RECORD_HEADER + size);
    if (!records->joined) {
        return TLS_RECORDS_NO_MEMORY;
    }
    write_header(records, records->joined, size);
    memcpy(records->joined + RECORD_HEADER, records->message, MESSAGE_HEADER);
    records->joined_size = (uint16_t)(RECORD_HEADER + size);
    records->joined_length = RECORD_HEADER + MESSAGE_HEADER;
    records->joined_given = 0;
    records->message_known = 0;
    records->cut = false;
    return READY;
}

static int join(tls_records_t *records) {
    size_t wanted = least(records->joined_size - records->joined_length, records->left);
    int n = records->receive(records->context, records->joined + records->joined_length, wanted);
    if (n < 0) {
        return n;
    }
    records->joined_length += (uint16_t)n;
    records->left -= (uint16_t)n;
    return READY;
}

/* Comes one step nearer to something that Mbed TLS can be given. */
static int prepare(tls_records_t *records) {
    if (records->left == 0) {
        return begin_record(records);
    }
    return records->joined ? join(records) : begin_message(records);
}

static int copy(unsigned char *to, size_t wanted, const uint8_t *from, size_t available) {
    size_t n = least(wanted, available);
    memcpy(to, from, n);
    return (int)n;
}

int tls_records_receive(tls_records_t *records, unsigned char *data, size_t length) {
    for (;;) {
        if (records->out_given < records->out_length) {
            int n = copy(data, length, records->out + records->out_given,
                         records->out_length - records->out_given);
            records->out_given += (uint8_t)n;
            return n;
        }
        if (records->joined && records->joined_length == records->joined_size) {
            int n = copy(data, length, records->joined + records->joined_given,
                         records->joined_size - records->joined_given);
            records->joined_given += (uint16_t)n;
            if (records->joined_given == records->joined_size) {
                tls_records_free(records);
            }
            return n;
        }
        if (records->pass > 0) {
            int n = records->receive(records->context, data, least(length, records->pass));
            if (n > 0) {
                records->pass -= (uint16_t)n;
                records->left -= (uint16_t)n;
            }
            return n;
        }
        int r = prepare(records);
        if (r < 0) {
            return r;
        }
    }
}

bool tls_records_changed(tls_records_t *records) {
    records->changed = true;
    return !records->opaque;
}

bool tls_records_incomplete(const tls_records_t *records) {
    return records->header_known > 0 || records->left > 0;
}

bool tls_records_is_alert(const tls_records_t *records) {
    return records->plain && records->header[0] == ALERT;
}

uint8_t tls_records_alert(const tls_records_t *records) {
    uint8_t type = records->header[0];
    if (records->interrupted || !is_known(type)) {
        return UNEXPECTED_MESSAGE;
    }
    if (record_length(records) > RECORD_MAX) {
        return RECORD_OVERFLOW;
    }
    if (records->header[1] != MAJOR_VERSION) {
        return PROTOCOL_VERSION;
    }
    return records->plain && type != HANDSHAKE ? UNEXPECTED_MESSAGE : DECODE_ERROR;
}
