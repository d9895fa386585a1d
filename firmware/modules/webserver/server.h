/* SPDX-License-Identifier: MIT */
/*
 * Code shared by httpserver, wsserver and webrepl, and the functions that the network context calls
 * (server_on_*). The modules register themselves here: nothing below refers to them by name.
 */
#ifndef ESPBENCH_WEBSERVER_SERVER_H
#define ESPBENCH_WEBSERVER_SERVER_H

#include "webserver/queue.h"
#include "webserver/routes.h"
#include "webserver/stats.h"
#include "webserver/transport.h"

typedef struct server_module server_module_t;

typedef struct {
    const server_module_t *owner; /* the module that gets the endpoint's events */
    uint32_t max_message;
    uint32_t ping_interval_ms; /* 0: no pings of our own */
    uint32_t ping_timeout_ms;
    bool lenient;    /* takes the handshake and the frames of MicroPython's webrepl_cli.py, which
                        RFC 6455 forbids: see ws_check_upgrade() and ws_decoder_t.takes_unmasked */
    char *origins;   /* whose pages may connect besides our own, see origin.h; owned by the route
                        table */
    char *protocols; /* subprotocols that it speaks: name NUL ... NUL, or NULL; owned likewise */
} server_endpoint_t;

typedef enum { ITEM_REQUEST, ITEM_CONNECT, ITEM_MESSAGE, ITEM_DISCONNECT } server_item_kind_t;

/* A further part of a fragmented message: one buffer for all of it would have to grow, and both the
 * old and the new one would take memory. */
typedef struct server_piece {
    struct server_piece *next;
    size_t length;
    uint8_t data[];
} server_piece_t;

/* An item of a queue to MicroPython's thread. Allocated by the transport (server_item_new()), freed
 * by the consumer (server_item_free()). */
typedef struct {
    queue_node_t node; /* must be first */
    server_item_kind_t kind;
    union {
        transport_request_t *request; /* ITEM_REQUEST */
        const server_module_t *owner; /* the rest */
    };
    transport_client_t client; /* the rest */
    uint16_t code;             /* ITEM_DISCONNECT */
    bool text;                 /* ITEM_MESSAGE */
    size_t length;             /* of the whole message, or of the target */
    server_piece_t *pieces;    /* ITEM_MESSAGE: what follows `first` bytes in data, or NULL */
    size_t first;
    uint8_t data[]; /* a message; for ITEM_CONNECT the request's target, NUL and the subprotocol, or
                       "". Ends in NUL, unless there are pieces. */
} server_item_t;

/* ---- for transports: called in the network context ---- */

/* Allocates an item for `capacity` bytes of data; NULL when out of memory. */
server_item_t *server_item_new(server_item_kind_t kind, size_t capacity);
void server_item_free(server_item_t *item);

/* Routes a request before its body is read. 0: go on; else the status to answer with: 404, 405, 501
 * for a method that no handler can have (RFC 9110 section 9.1), or 204 for OPTIONS of the whole
 * server (9.3.7). For 405 and 204, `allow` (at least 64 bytes) gets the value of the Allow
 * header. */
unsigned server_on_head(const char *method, const char *target, char *allow, size_t size);

/* Finds the WebSocket endpoint at a target; false when there is none. */
bool server_find_endpoint(const char *target, server_endpoint_t *endpoint);

/* Queues a complete request. False: the queue is full (503); the caller keeps the item. */
bool server_on_request(server_item_t *item);

/* Removes a request's item that MicroPython's thread has not taken yet, and frees it. */
void server_withdraw(server_item_t *item);

/* Whether there is room for one more session's ITEM_CONNECT; if not, the upgrade gets a 503. */
bool server_on_upgrade(const server_module_t *owner);

/* Queues a WebSocket event. False, for messages only: the queue is full, and the caller waits for
 * transport_resume(). */
bool server_on_websocket(const server_module_t *owner, server_item_t *item);

/* Whether `all` bytes of request bodies, or of messages, may wait for MicroPython's thread when
 * `more` of them are still to be allocated. The largest body always may; more only while
 * transport_reserve() stays free, so that waiting data does not keep out connections. */
bool server_may_hold(size_t all, size_t more);

/* Whether an endpoint's module keeps a place for its clients (server_module_t.keeps_place). */
bool server_keeps_place(void);

/* Runs the modules' work in the network context. Called in every poll, before the connections are
 * served. */
void server_on_poll(void);

/* When server_on_poll() next has work, in microseconds since boot. */
uint64_t server_deadline(void);

/* Whether `more` bytes can be allocated while transport_reserve() stays free. */
bool server_has_spare(size_t more);

/* Limits of both servers, for a request in bytes, and the length of the queue. */
typedef struct {
    size_t max_target; /* more is 414 */
    size_t max_head;   /* with its target, as it is stored; more is 431 */
    size_t max_body;   /* more is 413 */
    size_t queue;
} server_limits_t;

const server_limits_t *server_limits(void);

/* Counts a failure and prints one line on the console: "https: <what>". */
void server_failure(server_scheme_t scheme, server_cause_t cause, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void server_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *server_scheme_name(server_scheme_t scheme);

/* ---- for the modules: called in MicroPython's thread ---- */

/* Events for the application, and input for a REPL. */
typedef enum { QUEUE_APP, QUEUE_REPL, QUEUES } server_queue_t;

/* The next item, or NULL. */
server_item_t *server_take(server_queue_t queue);
bool server_pending(void);
bool server_pending_on(server_queue_t queue);
void server_set_limits(const server_limits_t *limits);

/* Waits until an item is pending or the time is up; runs MicroPython's scheduled functions. */
void server_wait(uint32_t timeout_ms);

/* Adds or replaces a route. Copies the path to the network heap; takes ownership of the endpoint's
 * lists, and frees them on failure. Returns its index, -1: table full, -2: no memory. */
int server_route_add(const char *path, uint8_t methods, const server_endpoint_t *endpoint);

/* Returns the index of the removed route, or -1. An endpoint is removed only by its owner; a
 * handler has none (NULL). */
int server_route_remove(const char *path, uint8_t methods, const server_module_t *owner);

/* Raises ValueError when the path is an endpoint of another module, which must not lose it. */
void server_endpoint_claim(const char *path, const server_module_t *module);
const route_table_t *server_routes(void);
route_result_t server_route_find(const char *target, const char *method, int *index);

/* Drops all queued items. */
void server_flush(void);

/* Stops the servers and drops all routes and handlers, before a soft reset. */
void server_soft_reset(void);

/* Called while the console waits for input: runs modules that continue after the application has
 * ended. Raises nothing. True: a session requested a soft reset, and the console must leave its
 * REPL as for Ctrl-D. */
bool server_at_prompt(void);

/* Calls `watcher` whenever a server starts or stops listening, in MicroPython's thread. */
typedef void (*server_listening_t)(server_scheme_t scheme, uint16_t port, bool listening);
void server_watch_listening(server_listening_t watcher);

/* ---- registration of modules ---- */

typedef enum {
    SERVER_ITEM_QUEUE, /* the item goes to MicroPython's thread */
    SERVER_ITEM_TAKEN, /* dealt with; the item is freed */
    SERVER_ITEM_WAIT,  /* no room: the connection waits */
} server_verdict_t;

#define SERVER_GUESTS 4

/* Any function may be NULL. */
struct server_module {
    const char *name; /* as Python imports it; of a module with endpoints */

    /* Below MicroPython, in the network context: gets each event of the module's endpoints before
     * it is queued in QUEUE_REPL. `queued`: bytes of messages waiting there. Without this function,
     * events go to QUEUE_APP. */
    server_verdict_t (*on_item)(server_item_t *item, size_t queued);
    void (*on_poll)(void);
    uint64_t (*deadline)(void); /* of on_poll, in microseconds since boot; UINT64_MAX: none */

    /* The module's clients may connect when all places are taken, see net/pending.c. A client that
     * `is_session` does not need a place; at most SERVER_GUESTS others may be connected. */
    bool keeps_place;
    bool (*is_session)(transport_client_t client);

    /* Whether the client is waiting for the module's answer, as to a password: then it is not
     * purged. */
    bool (*is_authenticating)(transport_client_t client);

    /* In MicroPython's thread. */
    void (*dispatch)(server_item_t *item); /* runs the handler of an event; frees the item */
    bool (*at_prompt)(void);               /* see server_at_prompt() */
    void (*soft_reset)(void);
};

/* Registers a module permanently; repeated calls do nothing. Called whenever MicroPython imports
 * it. Raises OSError(ENOMEM) when the network context cannot start. */
void server_register(const server_module_t *module);

#endif
