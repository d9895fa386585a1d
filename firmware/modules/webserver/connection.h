/* SPDX-License-Identifier: MIT */
/*
 * A connection, and the functions that net/ provides to the layers above it, each of which has its
 * own header:
 *   tls/session.h       TLS configuration, handshakes and their errors
 *   http/request.h      requests and responses
 *   http/body_stream.h  bodies sent piece by piece
 *   ws/session.h        WebSocket sessions
 * net/ depends on all of them; among themselves they depend only downwards: http, ws, tls.
 *
 * lwIP's callbacks only record what happened. transport_poll() does the work outside of
 * tcp_input(), so that any connection may be ended at any point.
 *
 * Why not altcp_tls: it reports a failed handshake as a closed connection, without Mbed TLS's error
 * code; it cannot limit the time of a handshake; and the caller cannot control what its close
 * sends. The log messages, the time-out of the whole handshake and the purge without close_notify
 * all need the session itself, so Mbed TLS sits directly on the tcp_pcb.
 */
#ifndef ESPBENCH_WEBSERVER_CONNECTION_H
#define ESPBENCH_WEBSERVER_CONNECTION_H

#include "lwip/tcp.h"
#include "mbedtls/ssl.h"

#include "webserver/port.h"
#include "webserver/server.h"

#define NEVER UINT64_MAX
#define OUT_HIGH 4096        /* queued output above which no more input is read */
#define STREAM_LOW 4096      /* queued output below which a body's next piece is asked for */
#define STREAM_PIECE 4096    /* largest piece in bytes, framed as a chunk if it is one */
#define WS_OUT_MAX 65536     /* queued output above which a WebSocket send is refused */
#define LINGER_US 1000000    /* how long input is discarded after our FIN has arrived */
#define LOST_US 8000000      /* the same, without progress: lwIP retransmits after 1.5 and 3 s */
#define GRACE_US 500000      /* after a handshake, not idle: the first request is on its way */
#define NO_MEMORY_US 1000000 /* how long lwIP may be out of memory for sending */

/* stream_left of a body whose length is not known: transport_stream_end() ends it. */
#define STREAM_UNKNOWN SIZE_MAX

typedef struct connection connection_t;

typedef enum {
    STATE_HANDSHAKE, /* TLS, not done yet */
    STATE_HTTP,
    STATE_WEBSOCKET,
    STATE_FLUSH,  /* sends the queued output, then closes */
    STATE_LINGER, /* FIN sent; discards input until the peer's FIN, as a RST would lose output */
} connection_state_t;

typedef struct out_block {
    struct out_block *next;
    size_t length, sent;
    uint8_t data[];
} out_block_t;

typedef struct websocket websocket_t;     /* ws/session.h */
typedef struct tls_session tls_session_t; /* tls/session.h */

struct connection {
    connection_t *next;
    server_scheme_t scheme;
    connection_state_t state;
    uint32_t id;
    struct tcp_pcb *pcb; /* NULL once closed, or freed by lwIP */
    struct pbuf *rx;
    uint16_t rx_at;
    bool admitted; /* was accepted; until then it only waits, see admit() */
    bool spare;    /* beyond the limit, see net/pending.c */
    bool ready, eof, started, asked, no_memory;
    tls_session_t *tls;
    uint8_t *stash; /* decrypted input not used yet */
    size_t stash_at, stash_length;
    out_block_t *out, *out_last;
    size_t out_bytes;
    size_t stream_left; /* bytes of a response's body still to be written */
    bool chunked;       /* that body is sent in chunks */
    bool stream_idle;   /* MicroPython had nothing to write when it was asked last */
    uint64_t admitted_at, last_used, last_received, last_sent, handshake_by, linger_by;
    uint64_t in_by, out_by; /* net/pace.h: of incomplete input, and of output; NEVER: none */
    uint64_t turn_by;       /* net/pending.c: the end of its turn; 0: it has had none */
    uint64_t no_memory_since;
    transport_request_t *request;
    websocket_t *ws;
    ip_addr_t peer;
    uint16_t peer_port;
};

/* ---- net/listener.c ---- */
extern const transport_options_t *connection_options(const connection_t *connection);
connection_t *connection_by_id(uint32_t id);
connection_t *connection_streaming(void); /* one with room for a piece of its body, or NULL */

/* Whether the client has begun to send something whose rest is still to be read. */
bool connection_is_receiving(const connection_t *connection);

/* Claims a place for the request whose head was received. False: all are in use, and the module
 * that the request is for keeps none (server_module_t.keeps_place): call connection_refuse(). */
bool connection_claim(connection_t *connection, bool keeps_place);
void connection_refuse(connection_t *connection);

/* Whether its client does not count towards the limit (server_module_t.is_session). */
bool connection_is_session(const connection_t *connection);

/* Ends a connection to make room for another. */
void connection_purge(connection_t *connection);

/* Whether there is memory for a TLS handshake. */
bool connection_handshake_fits(void);

/* Logs and counts a failure; the log line names the peer. */
void connection_failure(connection_t *connection, server_cause_t cause, const char *what);

/* ---- net/pending.c: each list is one server's connections, newest first ---- */

#define PENDING_MAX 4 /* connections per server that wait beyond its limit */

/* Makes room for one more to wait, perhaps by ending another. False: no module keeps a place. */
bool pending_make_room(connection_t *list);

/* Whether the connection's handshake has to wait for its turn. May end the connection. */
bool pending_waits(connection_t *connection);

/* Extends the connection's turn by the time computed for it since `since`. */
void pending_computed(connection_t *connection, uint64_t since);

/* Lets the next in line begin its handshake, if it is due. */
void pending_next_turn(connection_t *list);
uint64_t pending_deadline(connection_t *list);

/* Gives a new client of a module that keeps a place a turn, unless it has one. */
void pending_becomes_guest(connection_t *connection);

/* Whether such a client is in its turn or waiting for its password's answer: then it is not
 * idle. */
bool pending_guest_stays(const connection_t *connection);

/* Whether the connection can use a free place. */
bool pending_may_have_place(const connection_t *connection);
void pending_drop_closing(connection_t *list);

/* ---- net/connection.c ---- */

/* Queues all parts or nothing. */
typedef struct {
    const void *data;
    size_t length;
} part_t;
bool connection_queue_parts(connection_t *connection, const part_t *parts, size_t count);

/* Queues both pieces or nothing; the second may be NULL. */
bool connection_queue(connection_t *connection, const void *a, size_t a_length, const void *b,
                      size_t b_length);

typedef enum { IO_OK, IO_BLOCKED, IO_ENDED } io_result_t;

/* Sends as much as possible. IO_OK: lwIP has it all. IO_ENDED: the connection is gone. */
io_result_t connection_send(connection_t *connection);

/* Returns the next piece of input without consuming it. IO_BLOCKED: none now. IO_ENDED: the peer
 * has finished, or the connection is gone (then connection->pcb is NULL). */
io_result_t connection_peek(connection_t *connection, const uint8_t **data, size_t *length);
void connection_use(connection_t *connection, size_t length);

/* Stores the unused decrypted input; false: out of memory. Called at the end of service(). */
bool connection_keep_rest(connection_t *connection);
void connection_drop_input(connection_t *connection);

int connection_bio_send(void *connection, const unsigned char *data, size_t length);
int connection_bio_receive(void *connection, unsigned char *data, size_t length);

/* Sends the queued output, then closes in an orderly way (close_notify, FIN, linger). */
void connection_finish(connection_t *connection);

/* Frees everything but the connection itself, and closes it; `abort` sends a RST. The next poll
 * removes the connection from the list (state STATE_LINGER, pcb NULL). */
void connection_end(connection_t *connection, bool abort);

#endif
