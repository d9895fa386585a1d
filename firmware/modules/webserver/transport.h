/* SPDX-License-Identifier: MIT */
/*
 * The transport interface: lwIP and Mbed TLS, below MicroPython, as the server modules see them.
 *
 * There are two contexts. The network context reads, decrypts, parses and writes: on lx60 the
 * polled network task, on ESP-IDF its own task. MicroPython's thread runs handlers. They
 * communicate only through queues:
 *  - up: the network context calls the server_on_*() functions of server.h, which queue items;
 *  - down: MicroPython's thread calls transport_respond(), transport_ws_send() and
 *    transport_ws_close(), which queue bytes on the connection; the network context sends them.
 *
 * Only one of them runs at a time, so a call in either direction is atomic for the other side.
 *
 * On lx60 they are one thread. The network context is entered from the VM hook, from idle and from
 * sleeps, never from an allocator and never from itself (transport_poll() is guarded).
 *
 * On ESP-IDF the network context is a task that takes MicroPython's GIL to run, so it gets in at
 * the same points: between VM instructions, in idle and in sleeps. lwIP's callbacks run in its own
 * thread, and lwIP's core lock (NETWORK_LOCKED) keeps them apart.
 *
 * Nothing here uses MicroPython's GC heap: memory comes from the bounded network heap.
 */
#ifndef ESPBENCH_WEBSERVER_TRANSPORT_H
#define ESPBENCH_WEBSERVER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "webserver/queue.h"

typedef struct tls_identity tls_identity_t; /* tls/credentials.h */

typedef enum { SERVER_HTTP = 0, SERVER_HTTPS = 1, SERVER_SCHEMES = 2 } server_scheme_t;

/* The policy for connections above the limit. */
typedef enum {
    SERVER_FULL_PURGE,  /* the least recently used idle connection makes room (ESP-IDF's LRU) */
    SERVER_FULL_REFUSE, /* the new connection is aborted */
} server_full_t;

typedef struct {
    uint16_t port;
    uint16_t max_connections; /* open ones, including those in a handshake */
    server_full_t full;
    uint32_t handshake_timeout_ms; /* for the whole handshake, even if data keeps arriving */
    uint32_t idle_timeout_ms;      /* of a persistent connection between requests; 0: none */
    uint32_t recv_timeout_ms;      /* without progress inside a request or a frame */
    uint32_t send_timeout_ms;      /* without progress of a response */
    /* For a head, and for other transfers below the minimum rate. In us, because it is added for
     * each segment, and a chip without a multiplier would take long to convert it. */
    uint64_t transfer_timeout_us;
    uint32_t us_per_byte;         /* the minimum rate, see net/pace.h; 0: none */
    uint32_t response_timeout_ms; /* for MicroPython to answer or to continue a body; 0: none */
    tls_identity_t *identity;     /* HTTPS only; owned by the transport after a successful start */
    uint16_t minimum_version;     /* HTTPS only: TLS_1_2 or TLS_1_3 of tls/version.h */
    uint16_t maximum_version;     /* the same; at most TLS_NEWEST */
    bool session_tickets;         /* HTTPS only: resume sessions by ticket; TLS_HAS_TICKETS */
    uint16_t session_ids;         /* HTTPS only: sessions to keep, to be resumed by ID */
    uint32_t session_timeout_ms;  /* HTTPS only: of both */
} transport_options_t;

typedef enum {
    TRANSPORT_OK,
    TRANSPORT_PORT_IN_USE,
    TRANSPORT_NO_MEMORY,
    TRANSPORT_TLS_ERROR, /* transport_tls_error() has Mbed TLS's code */
} transport_status_t;

/* One request, from its delivery by server_on_request() to exactly one transport_respond() or
 * transport_request_drop(). Until transport_request_taken(), the transport may withdraw it
 * (server_withdraw()) because its client is gone or the response is overdue. After that it outlives
 * its connection: answering a request whose client is gone is allowed and frees it. */
typedef struct transport_request transport_request_t;

/* Called when MicroPython's thread takes the request. */
void transport_request_taken(transport_request_t *request);

/* A view into a request; valid until it is answered. The strings end in NUL. */
typedef struct {
    server_scheme_t scheme;
    const char *method;
    const char *target;    /* path and query */
    const char *authority; /* of an absolute-form target, replaces Host; else NULL */
    const char *headers;   /* name NUL value NUL ... NUL; names in lower case */
    const uint8_t *body;
    size_t body_length;
} transport_request_view_t;

typedef struct {
    uint16_t status;
    const char *content_type;  /* NULL: no Content-Type line */
    const char *extra_headers; /* lines that end in CRLF, or NULL */
    const void *body;
    size_t length;
} transport_response_t;

/* The number of a WebSocket session: never 0, and reused only after 2^32 connections. The functions
 * below refuse the number of an ended session, so that a late response never reaches another
 * client's connection. */
typedef uint32_t transport_client_t;

/* Connections that the board's TCP/IP stack is configured for. The limits of both servers must fit
 * beside the reserved ones: check before a start. */
typedef struct {
    unsigned all;
    unsigned
        others; /* reserved for new connections without a place and for programs' own sockets */
} transport_room_t;

transport_room_t transport_room(void);

/* Bytes of the network heap needed for the connections that may still come, including the
 * WebREPL's. */
size_t transport_reserve(void);

transport_status_t transport_start(server_scheme_t scheme, const transport_options_t *options);

/* Stops listening, drops every connection of the scheme, frees and zeroizes its key. */
void transport_stop(server_scheme_t scheme);
bool transport_running(server_scheme_t scheme);
uint16_t transport_port(server_scheme_t scheme);
int transport_tls_error(void);

void transport_request_view(const transport_request_t *request, transport_request_view_t *view);

/* Answers and frees the request; the body is copied. False: the client is gone, or out of memory
 * (then the failure is counted and the connection ends). */
bool transport_respond(transport_request_t *request, const transport_response_t *response);

/* Answers with a body written piece by piece: response->length is its total length, or
 * TRANSPORT_UNKNOWN_LENGTH if transport_stream_end() ends it; response->body is ignored. *stream
 * gets the number to write it with; 0: no body is needed, because the request was a HEAD or the
 * length is 0. Returns the same as transport_respond(). */
#define TRANSPORT_UNKNOWN_LENGTH SIZE_MAX
typedef uint32_t transport_stream_t;
bool transport_respond_stream(transport_request_t *request, const transport_response_t *response,
                              transport_stream_t *stream);

/* The number of bytes of the body that can be written now: 0 while enough is queued for the client,
 * -1 when the body is complete or the client is gone. */
int transport_stream_room(transport_stream_t stream);

/* Whether any body has room for a piece, leaving out those whose source was idle. */
bool transport_stream_wants(void);

/* Notes that the source of a body had nothing to write, until it writes again. */
void transport_stream_idle(transport_stream_t stream);

/* Writes a piece, which is copied, of at most transport_stream_room() bytes. False: the client is
 * gone, or out of memory (then the failure is counted and the connection ends). */
bool transport_stream_write(transport_stream_t stream, const void *data, size_t length);

/* Ends a body of unknown length. False: the client is gone, or out of memory. */
bool transport_stream_end(transport_stream_t stream);

/* Aborts an incomplete body by ending its connection, so that the client notices. */
void transport_stream_abort(transport_stream_t stream);

/* Frees a request without a response and ends its connection. */
void transport_request_drop(transport_request_t *request);

/* Queues one message. False: the session is gone or closing, its client is too slow, or out of
 * memory. */
bool transport_ws_send(transport_client_t client, bool text, const void *data, size_t length);

/* Starts the close handshake with this code and reason (at most 123 bytes of UTF-8). */
bool transport_ws_close(transport_client_t client, uint16_t code, const char *reason);

/* Whether messages can still be sent to the session. */
bool transport_ws_open(transport_client_t client);

/* Bytes queued for the session's client; 0 without a session. */
size_t transport_ws_queued(transport_client_t client);

/* Changes the size limit for messages that the session's client starts from now on. */
void transport_ws_limit(transport_client_t client, size_t max_message);

/* Resumes connections that wait for the queue to MicroPython, which has room again. */
void transport_resume(void);

#endif
