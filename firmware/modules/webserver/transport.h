/* SPDX-License-Identifier: MIT */
/*
 * The transport interface: what is below MicroPython (lwIP and Mbed TLS) as the server modules see
 * it.
 *
 * Two contexts exist. The network context reads, decrypts, parses and writes: on lx60 the polled
 * network task, on ESP-IDF a task of its own. MicroPython's thread runs handlers. They meet in
 * queues only:
 *  - up: the network context calls the server_on_*() functions of server.h, which queue items;
 *  - down: MicroPython's thread calls transport_respond(), transport_ws_send() and
 *    transport_ws_close(), which queue bytes on the connection; the network context sends them.
 *
 * Only one of them runs at a time, so that a call in either direction is atomic for the other side.
 *
 * On lx60 they are one thread. The network context is entered from the VM hook, from idle and from
 * sleeps, never from an allocator and never from itself (transport_poll() is guarded).
 *
 * On ESP-IDF the network context is a task that takes MicroPython's GIL to run, so that it gets in
 * at the same points: between instructions of the VM, in idle and in sleeps. lwIP's callbacks come
 * in its own thread there, and are kept apart by lwIP's core lock (NETWORK_LOCKED).
 *
 * Nothing here touches MicroPython's GC heap: memory comes from the bounded network heap.
 */
#ifndef ESPBENCH_WEBSERVER_TRANSPORT_H
#define ESPBENCH_WEBSERVER_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "webserver/queue.h"

typedef struct tls_identity tls_identity_t; /* tls/credentials.h */

typedef enum { SERVER_HTTP = 0, SERVER_HTTPS = 1, SERVER_SCHEMES = 2 } server_scheme_t;

/* What happens to a connection above the limit. */
typedef enum {
    SERVER_FULL_PURGE,  /* the least recently used idle connection makes place (ESP-IDF's LRU) */
    SERVER_FULL_REFUSE, /* the new connection is aborted */
} server_full_t;

typedef struct {
    uint16_t port;
    uint16_t max_connections; /* open ones, those in a handshake included */
    server_full_t full;
    uint32_t handshake_timeout_ms; /* over the whole handshake, however its bytes arrive */
    uint32_t idle_timeout_ms;      /* of a kept-alive connection between requests; 0: none */
    uint32_t recv_timeout_ms;      /* without progress inside a request or a frame */
    uint32_t send_timeout_ms;      /* without progress of an answer */
    uint32_t response_timeout_ms;  /* for MicroPython to answer, or to go on with a body; 0: none */
    tls_identity_t *identity;      /* HTTPS only; the transport owns it once the start succeeded */
} transport_options_t;

typedef enum {
    TRANSPORT_OK,
    TRANSPORT_PORT_IN_USE,
    TRANSPORT_NO_MEMORY,
    TRANSPORT_TLS_ERROR, /* transport_tls_error() has Mbed TLS's code */
} transport_status_t;

/* One request, from its delivery by server_on_request() to exactly one transport_respond() or
 * transport_request_drop(). Until transport_request_taken() the transport may take it back
 * (server_withdraw()): its client has gone, or the answer is overdue. From then on it outlives its
 * connection: answering a request whose client has gone is allowed and frees it. */
typedef struct transport_request transport_request_t;

/* MicroPython's thread has it now. */
void transport_request_taken(transport_request_t *request);

/* A view into a request; valid until it is answered. The strings end in NUL. */
typedef struct {
    server_scheme_t scheme;
    const char *method;
    const char *target;  /* as sent: path and query */
    const char *headers; /* name NUL value NUL ... NUL; names in lower case */
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

/* Number of a WebSocket session: never 0 and not used again before 2^32 others were. A number
 * whose session is gone is refused by the calls below, so that a late answer never reaches
 * somebody else's connection. */
typedef uint32_t transport_client_t;

/* Connections that the board's TCP/IP stack is configured for. Both servers' have to fit into them,
 * beside what others need: to be checked before a start. */
typedef struct {
    unsigned all;
    unsigned others; /* for newcomers without a place, and for programs' own sockets */
} transport_room_t;

transport_room_t transport_room(void);

/* Bytes of the network heap that the connections which still have a place would take, and the
 * WebREPL's. */
size_t transport_reserve(void);

transport_status_t transport_start(server_scheme_t scheme, const transport_options_t *options);

/* Stops listening, drops every connection of the scheme, frees and zeroizes its key. */
void transport_stop(server_scheme_t scheme);
bool transport_running(server_scheme_t scheme);
uint16_t transport_port(server_scheme_t scheme);
int transport_tls_error(void);

void transport_request_view(const transport_request_t *request, transport_request_view_t *view);

/* Answers and frees the request; the body is copied. False when the client is gone or memory is
 * missing (then the connection is ended and the failure counted). */
bool transport_respond(transport_request_t *request, const transport_response_t *response);

/* Answers with a body that comes piece by piece: response->length says how long it is in all, its
 * body is ignored. *stream becomes the number to write it with; 0 when no body is to come: the
 * request was a HEAD, or the length is 0. Returns what transport_respond() does. */
typedef uint32_t transport_stream_t;
bool transport_respond_stream(transport_request_t *request, const transport_response_t *response,
                              transport_stream_t *stream);

/* How many bytes of the body can be taken now: 0 while the client is busy with what it has, -1
 * when the body is complete or the client is gone. */
int transport_stream_room(transport_stream_t stream);

/* Whether any body has room for a piece. */
bool transport_stream_wants(void);

/* Writes a piece, at most as long as there is room; it is copied. False: the client is gone, or
 * memory is missing (then the connection is ended and the failure counted). */
bool transport_stream_write(transport_stream_t stream, const void *data, size_t length);

/* Ends a body before it is complete, with its connection, so that the client can tell. */
void transport_stream_abort(transport_stream_t stream);

/* Frees a request without an answer and ends its connection. */
void transport_request_drop(transport_request_t *request);

/* Queues one message. False: the session is gone or closing, its reader is too slow, or memory is
 * missing. */
bool transport_ws_send(transport_client_t client, bool text, const void *data, size_t length);

/* Starts the close handshake with this code and reason (at most 123 bytes of UTF-8). */
bool transport_ws_close(transport_client_t client, uint16_t code, const char *reason);

/* Whether the session is still there to be sent to. */
bool transport_ws_open(transport_client_t client);

/* Bytes that are queued for the session's client and that it has not taken; 0 without a session. */
size_t transport_ws_queued(transport_client_t client);

/* Changes how long a message may be that the session's client begins from now on. */
void transport_ws_limit(transport_client_t client, size_t max_message);

/* A place in the queue to MicroPython became free: go on with a connection that waits for one. */
void transport_resume(void);

#endif
