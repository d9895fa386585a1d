/* SPDX-License-Identifier: MIT */
#include "webserver/server.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"
#include "webserver/log_limit.h"
#include "webserver/port.h"
#include "webserver/queue_figures.h"

#define DEFAULT_QUEUE 16
#define DEFAULT_LIMITS                                                                             \
    {.max_target = 8000, .max_head = 8192, .max_body = 16384, .queue = DEFAULT_QUEUE}

static queue_t queues[QUEUES] = {{.limit = DEFAULT_QUEUE}, {.limit = DEFAULT_QUEUE}};
static size_t bytes_in[QUEUES]; /* of messages in each queue */
static server_limits_t limits = DEFAULT_LIMITS;
static route_table_t table;
static server_endpoint_t endpoints[ROUTE_MAX];

#define MODULES_MAX 8
static const server_module_t *modules[MODULES_MAX]; /* NULL: free */

void server_register(const server_module_t *module) {
    if (!network_start()) {
        mp_raise_OSError(MP_ENOMEM);
    }
    for (int i = 0; i < MODULES_MAX; i++) {
        if (!modules[i] || modules[i] == module) {
            modules[i] = module;
            return;
        }
    }
    assert(!"MODULES_MAX is too small");
}

server_item_t *server_item_new(server_item_kind_t kind, size_t capacity) {
    server_item_t *item = net_malloc(sizeof *item + capacity + 1);
    if (item) {
        memset(item, 0, sizeof *item);
        item->kind = kind;
    }
    return item;
}

void server_item_free(server_item_t *item) {
    server_piece_t *piece = item ? item->pieces : NULL;
    while (piece) {
        server_piece_t *next = piece->next;
        net_free(piece);
        piece = next;
    }
    net_free(item);
}

unsigned server_on_head(const char *method, const char *target, char *allow, size_t size) {
    int index;
    uint8_t methods, bit = route_method(method);
    if (bit == 0) {
        return 501;
    }
    if (strcmp(target, "*") == 0) {
        route_allow(route_all_methods(&table) | ROUTE_OPTIONS, allow, size);
        return 204;
    }
    switch (route_find(&table, target, bit, &index, &methods)) {
    case ROUTE_FOUND:
        return 0;
    case ROUTE_METHOD_NOT_ALLOWED:
        route_allow(methods, allow, size);
        return 405;
    default:
        return 404;
    }
}

bool server_find_endpoint(const char *target, server_endpoint_t *endpoint) {
    int index = route_find_websocket(&table, target);
    if (index >= 0) {
        *endpoint = endpoints[index];
    }
    return index >= 0;
}

bool server_on_request(server_item_t *item) {
    bool queued = queue_push(&queues[QUEUE_APP], &item->node);
    if (queued) {
        server_stats.requests++;
    }
    return queued;
}

void server_withdraw(server_item_t *item) {
    queue_remove(&queues[QUEUE_APP], &item->node);
    server_item_free(item);
}

bool server_on_upgrade(const server_module_t *owner) {
    bool room = owner->on_item || queue_has_room(&queues[QUEUE_APP]);
    queues[QUEUE_APP].full += !room;
    return room;
}

bool server_may_hold(size_t all, size_t more) {
    return all <= limits.max_body || server_has_spare(more);
}

bool server_has_spare(size_t more) { return net_heap_figures().free >= transport_reserve() + more; }

bool server_keeps_place(void) {
    for (int i = 0; i < ROUTE_MAX; i++) {
        if (table.routes[i].path && table.routes[i].methods == ROUTE_WEBSOCKET &&
            endpoints[i].owner->keeps_place) {
            return true;
        }
    }
    return false;
}

static bool queue_message(server_item_t *item) {
    size_t *bytes = &bytes_in[QUEUE_APP];
    bool queued = (*bytes == 0 || server_may_hold(*bytes + item->length, 0)) &&
                  queue_push(&queues[QUEUE_APP], &item->node);
    *bytes += queued ? item->length : 0;
    return queued;
}

static bool queue_repl(const server_module_t *owner, server_item_t *item) {
    switch (owner->on_item(item, bytes_in[QUEUE_REPL])) {
    case SERVER_ITEM_TAKEN:
        return true;
    case SERVER_ITEM_WAIT:
        return false;
    default:
        break;
    }
    if (item->kind != ITEM_MESSAGE) {
        queue_push_always(&queues[QUEUE_REPL], &item->node);
    } else if (!queue_has_room(&queues[QUEUE_REPL])) {
        return false; /* not counted: holding a client back is not a failure here */
    } else {
        queue_push(&queues[QUEUE_REPL], &item->node);
        bytes_in[QUEUE_REPL] += item->length;
    }
    return true;
}

bool server_on_websocket(const server_module_t *owner, server_item_t *item) {
    item->owner = owner;
    if (owner->on_item) {
        return queue_repl(owner, item);
    }
    if (item->kind == ITEM_MESSAGE) {
        return queue_message(item);
    }
    if (item->kind == ITEM_CONNECT) {
        return queue_push(&queues[QUEUE_APP], &item->node); /* server_on_upgrade() checked */
    }
    queue_push_always(&queues[QUEUE_APP], &item->node);
    return true;
}

static log_limit_t log_limits[SERVER_SCHEMES];

static void log_omitted(void) {
    for (int i = 0; i < SERVER_SCHEMES; i++) {
        if (log_limits[i].omitted == 0) {
            continue; /* this is called often */
        }
        unsigned omitted = log_limit_omitted(&log_limits[i], board_us());
        if (omitted > 0) {
            server_log("%s: %u more failures were not logged",
                       server_scheme_name((server_scheme_t)i), omitted);
        }
    }
}

void server_on_poll(void) {
    log_omitted();
    for (int i = 0; i < MODULES_MAX && modules[i]; i++) {
        if (modules[i]->on_poll) {
            modules[i]->on_poll();
        }
    }
}

uint64_t server_deadline(void) {
    uint64_t by = UINT64_MAX;
    for (int i = 0; i < MODULES_MAX && modules[i]; i++) {
        uint64_t due = modules[i]->deadline ? modules[i]->deadline() : UINT64_MAX;
        by = due < by ? due : by;
    }
    return by;
}

bool server_at_prompt(void) {
    bool reset = false;
    for (int i = 0; i < MODULES_MAX && modules[i]; i++) {
        reset |= modules[i]->at_prompt && modules[i]->at_prompt();
    }
    return reset;
}

const server_limits_t *server_limits(void) { return &limits; }

const char *server_scheme_name(server_scheme_t scheme) {
    return scheme == SERVER_HTTPS ? "https" : "http";
}

static void log_line(const char *prefix, const char *format, va_list args) {
    char line[360];
    size_t n = (size_t)snprintf(line, sizeof line, "%s", prefix);
    int k = vsnprintf(line + n, sizeof line - n - 1, format, args);
    n += k < 0 ? 0 : (size_t)k < sizeof line - n - 1 ? (size_t)k : sizeof line - n - 2;
    line[n] = '\n';
    board_console_write(line, n + 1);
}

void server_log(const char *format, ...) {
    va_list args;
    va_start(args, format);
    log_line("", format, args);
    va_end(args);
}

void server_failure(server_scheme_t scheme, server_cause_t cause, const char *format, ...) {
    server_stats.failures[cause]++;
    server_stats.scheme[scheme].errors++;
    if (!log_limit_allows(&log_limits[scheme], board_us())) {
        return;
    }
    va_list args;
    va_start(args, format);
    char prefix[40];
    /* the words to look for according to the user guide */
    snprintf(prefix, sizeof prefix, "%s: %s", server_scheme_name(scheme),
             cause == CAUSE_NO_MEMORY ? "Memory allocation failed: " : "");
    log_line(prefix, format, args);
    va_end(args);
}

server_item_t *server_take(server_queue_t queue) {
    server_item_t *item = (server_item_t *)queue_pop(&queues[queue]);
    if (!item) {
        return NULL;
    }
    if (item->kind == ITEM_MESSAGE) {
        bytes_in[queue] -= item->length;
    } else if (item->kind == ITEM_REQUEST) {
        transport_request_taken(item->request);
    }
    transport_resume();
    return item;
}

bool server_pending(void) {
    return queues[QUEUE_APP].head || queues[QUEUE_REPL].head || transport_stream_wants();
}

bool server_pending_on(server_queue_t queue) { return queues[queue].head != NULL; }

void server_set_limits(const server_limits_t *new_limits) {
    limits = *new_limits;
    queues[QUEUE_APP].limit = limits.queue;
    queues[QUEUE_REPL].limit = limits.queue;
}

void server_wait(uint32_t timeout_ms) {
    uint64_t end = board_us() + (uint64_t)timeout_ms * 1000;
    board_wait_event(0);
    for (;;) {
        mp_handle_pending(true);
        uint64_t now = board_us();
        uint32_t left = now < end ? (uint32_t)(end - now) : 0;
        if (server_pending() || left == 0) {
            return;
        }
        board_wait_event(left);
    }
}

static void free_lists(const server_endpoint_t *endpoint) {
    if (endpoint) {
        net_free(endpoint->origins);
        net_free(endpoint->protocols);
    }
}

int server_route_add(const char *path, uint8_t methods, const server_endpoint_t *endpoint) {
    int index = route_index(&table, path, methods);
    if (index < 0) {
        char *copy = net_malloc(strlen(path) + 1);
        if (copy) {
            strcpy(copy, path);
            index = route_add(&table, copy, methods);
        }
        if (index < 0) {
            net_free(copy);
            free_lists(endpoint);
            return copy ? -1 : -2;
        }
    }
    if (endpoint) {
        free_lists(&endpoints[index]);
        endpoints[index] = *endpoint;
    }
    return index;
}

static void remove_index(int index) {
    char *path = (char *)table.routes[index].path;
    if (table.routes[index].methods == ROUTE_WEBSOCKET) {
        free_lists(&endpoints[index]);
        endpoints[index] = (server_endpoint_t){0};
    }
    route_remove(&table, index);
    net_free(path);
}

int server_route_remove(const char *path, uint8_t methods, const server_module_t *owner) {
    int index = route_index(&table, path, methods);
    if (index < 0 || (methods == ROUTE_WEBSOCKET && endpoints[index].owner != owner)) {
        return -1;
    }
    remove_index(index);
    return index;
}

void server_endpoint_claim(const char *path, const server_module_t *module) {
    int index = route_index(&table, path, ROUTE_WEBSOCKET);
    const server_module_t *owner = index < 0 ? module : endpoints[index].owner;
    if (owner != module) {
        mp_raise_msg_varg(&mp_type_ValueError,
                          MP_ERROR_TEXT("%s is an endpoint of %s: choose another path, or stop "
                                        "that one first"),
                          path, owner->name);
    }
}

const route_table_t *server_routes(void) { return &table; }

route_result_t server_route_find(const char *target, const char *method, int *index) {
    uint8_t allow;
    return route_find(&table, target, route_method(method), index, &allow);
}

void server_flush(void) {
    for (int i = 0; i < QUEUES; i++) {
        server_item_t *item;
        while ((item = (server_item_t *)queue_pop(&queues[i]))) {
            if (item->kind == ITEM_REQUEST) {
                transport_request_drop(item->request);
            }
            server_item_free(item);
        }
    }
    memset(bytes_in, 0, sizeof bytes_in);
}

void server_soft_reset(void) {
    transport_stop(SERVER_HTTPS);
    transport_stop(SERVER_HTTP);
    for (int i = 0; i < MODULES_MAX && modules[i]; i++) {
        if (modules[i]->soft_reset) {
            modules[i]->soft_reset();
        }
    }
    server_flush();
    for (int i = 0; i < ROUTE_MAX; i++) {
        if (table.routes[i].path) {
            remove_index(i);
        }
    }
    server_set_limits(&(server_limits_t)DEFAULT_LIMITS);
}

server_queue_figures_t server_queue_figures(void) {
    server_queue_figures_t figures = {0};
    for (int i = 0; i < QUEUES; i++) {
        figures.depth += queues[i].depth;
        figures.max =
            queues[i].max_depth > figures.max ? (uint32_t)queues[i].max_depth : figures.max;
        figures.full += queues[i].full;
    }
    return figures;
}
