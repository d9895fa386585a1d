/* SPDX-License-Identifier: MIT */
#include "records.h"

#include <string.h>

#include "faults.h"
#include "mbedtls/ssl.h"
#include "server.h"
#include "webserver/net_heap.h"

#define RECORD_HEADER 5
#define MESSAGE_HEADER 4
#define RECORD_MAX (RECORD_HEADER + MBEDTLS_SSL_IN_CONTENT_LEN)
#define FIRST_ROOM 256

void records_free(connection_t *c) {
    net_free(c->records.record);
    c->records.record = NULL;
}

static bool make_room(records_t *r, size_t room) {
    if (r->record == NULL || r->room < room) {
        uint8_t *more = net_realloc(r->record, room);
        if (more == NULL) {
            return false;
        }
        r->record = more;
        r->room = room;
    }
    return true;
}

/* Takes a record's header. False: it has not arrived, or there is no memory. */
static bool begin_record(connection_t *c) {
    records_t *r = &c->records;
    if (connection_received(c) < RECORD_HEADER) {
        return false;
    }
    if (connection_peek(c, 0) != MBEDTLS_SSL_MSG_HANDSHAKE || FAULT(SPLIT_HELLO_FAILS)) {
        r->encrypted = true; /* or an alert: nothing to put together follows */
        return true;
    }
    if (!make_room(r, FIRST_ROOM)) {
        return false;
    }
    uint8_t header[RECORD_HEADER];
    connection_take(c, header, sizeof(header));
    r->left = header[3] << 8 | header[4];
    if (r->size == 0) {
        memcpy(r->record, header, sizeof(header));
        r->size = RECORD_HEADER;
        r->sent = 0;
        r->wanted = RECORD_HEADER + MESSAGE_HEADER;
    }
    return true;
}

/* Takes what has arrived of the message. */
static void take_message(connection_t *c) {
    records_t *r = &c->records;
    size_t size = r->wanted - r->size < r->left ? r->wanted - r->size : r->left;
    size = connection_take(c, r->record + r->size, size);
    r->size += size;
    r->left -= size;
    if (r->size == RECORD_HEADER + MESSAGE_HEADER && r->wanted == r->size) {
        const uint8_t *length = r->record + RECORD_HEADER + 1;
        r->wanted += length[0] << 16 | length[1] << 8 | length[2];
    }
}

static bool is_complete(const records_t *r) {
    return r->record != NULL && r->size >= RECORD_HEADER + MESSAGE_HEADER && r->size == r->wanted;
}

/* Passes a message on as one record. */
static size_t pass(records_t *r, uint8_t *out, size_t size) {
    size_t message = r->size - RECORD_HEADER;
    r->record[3] = message >> 8;
    r->record[4] = message & 0xff;
    size = size < r->size - r->sent ? size : r->size - r->sent;
    memcpy(out, r->record + r->sent, size);
    r->sent += size;
    if (r->sent == r->size) {
        net_free(r->record);
        r->record = NULL;
        r->size = 0;
    }
    return size;
}

size_t records_take(connection_t *c, uint8_t *out, size_t size) {
    records_t *r = &c->records;
    while (!r->encrypted && !is_complete(r)) {
        if (r->left == 0) {
            if (!begin_record(c)) {
                return 0;
            }
        } else if (connection_received(c) == 0) {
            return 0;
        } else if (r->wanted > RECORD_MAX) {
            r->encrypted = true; /* let Mbed TLS refuse it */
        } else if (!make_room(r, r->wanted)) {
            connection_abort(c);
            return 0;
        } else {
            take_message(c);
        }
    }
    return r->encrypted ? connection_take(c, out, size) : pass(r, out, size);
}
