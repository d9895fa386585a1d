/* SPDX-License-Identifier: MIT */
/* The WebSocket session of a connection. */
#ifndef ESPBENCH_WEBSERVER_WS_SESSION_H
#define ESPBENCH_WEBSERVER_WS_SESSION_H

#include "webserver/connection.h"
#include "webserver/ws/frame.h"

struct websocket {
    server_endpoint_t endpoint;
    ws_decoder_t decoder;
    server_item_t *message; /* being received */
    server_piece_t *last;   /* its last piece, which is being received, or NULL */
    server_item_t *gone;    /* the disconnect event, allocated in advance so that it cannot fail */
    bool waiting;           /* the message is complete, but the queue is full */
    bool close_sent, close_received;
    uint16_t close_code; /* the code of the disconnect event */
    uint64_t ping_at, pong_by, close_by;
    uint64_t message_by; /* of the message being received, however fast its frames arrive */
};

/* Takes over the connection after a valid upgrade; `protocol` is the subprotocol, or "". False: no
 * memory, nothing changed. */
bool ws_open(connection_t *connection, const server_endpoint_t *endpoint, const char *target,
             const char *protocol);
size_t ws_input(connection_t *connection, const uint8_t *data, size_t length);
bool ws_wants_input(const connection_t *connection);
void ws_resume(connection_t *connection);
void ws_peer_gone(connection_t *connection); /* end of input without a close frame */
void ws_forget(connection_t *connection);    /* the connection ends */
uint64_t ws_deadline(const connection_t *connection);
void ws_timeout(connection_t *connection, uint64_t now);

#endif
