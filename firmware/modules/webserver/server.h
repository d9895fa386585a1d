/* SPDX-License-Identifier: MIT */
/*
 * What httpserver, wsserver and webrepl share, and what the network context calls (server_on_*).
 * The modules register themselves here: nothing below knows them by name.
 */
#ifndef ESPBENCH_WEBSERVER_SERVER_H
#define ESPBENCH_WEBSERVER_SERVER_H

#include "webserver/queue.h"
#include "webserver/routes.h"
#include "webserver/stats.h"
#include "webserver/transport.h"

typedef struct server_module server_module_t;

typedef struct {
    const server_module_t *owner; /* which module takes the endpoint's events */
    uint32_t max_message;
    uint32_t ping_interval_ms; /* 0: no pings of our own */
    uint32_t ping_timeout_ms;
    char *origins; /* whose pages may connect, beside our own: see origin.h. The route table's. */
} server_endpoint_t;

typedef enum { ITEM_REQUEST, ITEM_CONNECT, ITEM_MESSAGE, ITEM_DISCONNECT } server_item_kind_t;

/* What travels to MicroPython's thread. Allocated by the transport (server_item_new) and freed by
 * the taker (server_item_free). */
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
    size_t length;
    uint8_t data[]; /* a message; the request's target for ITEM_CONNECT; NUL behind it */
} server_item_t;

/* ---- for transports: called in the network context ---- */

/* Room for `capacity` bytes of data; NULL when the network heap has none. */
server_item_t *server_item_new(server_item_kind_t kind, size_t capacity);
void server_item_free(server_item_t *item);

/* Looks at a request's head before its body is read. 0: go on; else the status to answer with
 * (404, 405); allow (at least 64 bytes) gets the Allow header's value for 405. */
unsigned server_on_head(const char *method, const char *target, char *allow, size_t size);

/* Finds the WebSocket endpoint at a target; false when there is none. */
bool server_find_endpoint(const char *target, server_endpoint_t *endpoint);

/* Hands a complete request up. False: the queue is full (503); the caller keeps the item. */
bool server_on_request(server_item_t *item);

/* Takes a request's item back that MicroPython's thread has not taken yet, and frees it. */
void server_withdraw(server_item_t *item);

/* Whether there is room for one more session's ITEM_CONNECT; if not, the upgrade gets a 503. */
bool server_on_upgrade(const server_module_t *owner);

/* Hands a WebSocket event up. Messages only may be refused when the queue is full; then the
 * caller waits for transport_resume(). */
bool server_on_websocket(const server_module_t *owner, server_item_t *item);

/* Whether so many bytes of requests' bodies, or of messages, may wait for MicroPython's thread,
 * when `more` of them are still to be allocated. As many as one body may have always do; more only
 * while transport_reserve() stays free, so that what waits keeps no connection out. */
bool server_may_hold(size_t all, size_t more);

/* Whether an endpoint's module keeps a place for its clients (server_module_t.keeps_place). */
bool server_keeps_place(void);

/* What the modules have to do in the network context: to be called in every poll, before the
 * connections are served. */
void server_on_poll(void);

/* When server_on_poll() has something to do next, in microseconds since boot. */
uint64_t server_deadline(void);

/* Most bytes a request's body may have. */
size_t server_max_body(void);

/* Counts a failure and writes one line on the console: "https: <what>". */
void server_failure(server_scheme_t scheme, server_cause_t cause, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void server_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *server_scheme_name(server_scheme_t scheme);

/* ---- for the modules: called in MicroPython's thread ---- */

/* Events that the application waits for, and input of a REPL. */
typedef enum { QUEUE_APP, QUEUE_REPL, QUEUES } server_queue_t;

/* The next item, or NULL. */
server_item_t *server_take(server_queue_t queue);
bool server_pending(void);
bool server_pending_on(server_queue_t queue);
void server_set_limits(size_t max_body, size_t queue);

/* Waits until an item is pending or the time is over; runs what MicroPython has scheduled. */
void server_wait(uint32_t timeout_ms);

/* Adds or replaces; the path is copied to the network heap, the endpoint's origins are taken over
 * (and freed when this fails). -1: table full, -2: no memory. */
int server_route_add(const char *path, uint8_t methods, const server_endpoint_t *endpoint);

/* Index of the route removed, or -1. */
int server_route_remove(const char *path, uint8_t methods);
const route_table_t *server_routes(void);
route_result_t server_route_find(const char *target, const char *method, int *index);

/* Drops what is queued. */
void server_flush(void);

/* Stops the servers and forgets all routes and handlers; before a soft reset. */
void server_soft_reset(void);

/* While the console waits for input: lets modules work that go on when the application has ended.
 * Raises nothing. True: a session asked for a soft reset; the console is to leave its REPL as by
 * Ctrl-D. */
bool server_at_prompt(void);

/* Calls this whenever a server begins or ceases to listen, in MicroPython's thread. */
typedef void (*server_listening_t)(server_scheme_t scheme, uint16_t port, bool listening);
void server_watch_listening(server_listening_t watcher);

/* ---- what a module registers ---- */

typedef enum {
    SERVER_ITEM_QUEUE, /* the item goes to MicroPython's thread */
    SERVER_ITEM_TAKEN, /* dealt with; the item is freed */
    SERVER_ITEM_WAIT,  /* no room: the connection is to wait */
} server_verdict_t;

#define SERVER_GUESTS 4

/* Each function may be NULL. */
struct server_module {
    /* Below MicroPython, in the network context: sees each event of the module's endpoints before
     * it is queued in QUEUE_REPL. `queued`: bytes of messages that wait there. Without it, events
     * go into QUEUE_APP. */
    server_verdict_t (*on_item)(server_item_t *item, size_t queued);
    void (*on_poll)(void);
    uint64_t (*deadline)(void); /* of on_poll, in microseconds since boot; UINT64_MAX: none */

    /* The module's clients get in when all places are taken, see net/pending.c. Who `is_session`
     * needs no place at all; at most SERVER_GUESTS others may be there at once. */
    bool keeps_place;
    bool (*is_session)(transport_client_t client);

    /* Whether the client waits for the module's answer, as to a password: then it is not made to
     * go. */
    bool (*is_judging)(transport_client_t client);

    /* In MicroPython's thread. */
    void (*dispatch)(server_item_t *item); /* runs the handler of an event; frees the item */
    bool (*at_prompt)(void);               /* see server_at_prompt() */
    void (*soft_reset)(void);
};

/* Registers a module, for good; registering it again does nothing. To be called whenever
 * MicroPython imports it. Raises OSError(ENOMEM) when the network context cannot start. */
void server_register(const server_module_t *module);

#endif
