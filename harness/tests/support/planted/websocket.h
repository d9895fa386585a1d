/* SPDX-License-Identifier: MIT */
/* A WebSocket that echoes messages (RFC 6455). */
#ifndef PLANTED_WEBSOCKET_H
#define PLANTED_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "utf8.h"

typedef struct connection connection_t;

#define CONTROL_MAX 125

typedef struct {
    uint8_t header[14];
    size_t header_size;
    bool in_frame; /* the header is complete */
    bool fin, masked;
    uint8_t opcode;
    uint8_t mask[4];
    uint32_t left, mask_at;

    bool in_message;
    uint8_t message_opcode;
    uint8_t *message; /* with room for a frame header before it */
    size_t message_size, message_room;
    utf8_t utf8;

    uint8_t control[4 + CONTROL_MAX]; /* a control frame: received, then sent */
    size_t control_size;
} websocket_t;

/* Answers an upgrade request. */
void websocket_upgrade(connection_t *c);

/* Consumes input. True when it did something. */
bool websocket_poll(connection_t *c);

void websocket_free(connection_t *c);

#endif
