/* SPDX-License-Identifier: MIT */
/*
 * Puts handshake messages together that a client has cut into several records (RFC 5246 section
 * 6.2.1), because Mbed TLS 2.28 takes a message only in one record.
 */
#ifndef PLANTED_RECORDS_H
#define PLANTED_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct connection connection_t;

typedef struct {
    bool encrypted;      /* from now on records pass as they are */
    uint32_t left;       /* of the record that is being taken in */
    uint8_t *record;     /* with the message, or NULL */
    size_t size, room;   /* what `record` holds */
    size_t wanted, sent; /* its size when it is complete; how much Mbed TLS has taken */
} records_t;

/* Moves up to `size` bytes of the client's records to `out`; returns how many there were. */
size_t records_take(connection_t *c, uint8_t *out, size_t size);

void records_free(connection_t *c);

#endif
