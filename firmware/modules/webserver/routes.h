/* SPDX-License-Identifier: MIT */
/*
 * One table of URI handlers and WebSocket endpoints for both servers: a route applies to both http
 * and https (ws and wss), whether it was added before or after the servers started.
 *
 * Pure: no lwIP, no MicroPython. The table does not own the paths; the caller keeps them alive.
 */
#ifndef ESPBENCH_WEBSERVER_ROUTES_H
#define ESPBENCH_WEBSERVER_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTE_MAX 32
#define ROUTE_METHODS 7

/* Methods by bit, the first ROUTE_METHODS in the order of method_names in routes.c. */
enum {
    ROUTE_GET = 1 << 0,
    ROUTE_POST = 1 << 1,
    ROUTE_PUT = 1 << 2,
    ROUTE_DELETE = 1 << 3,
    ROUTE_PATCH = 1 << 4,
    ROUTE_OPTIONS = 1 << 5,
    ROUTE_HEAD = 1 << 6,
    ROUTE_WEBSOCKET = 1 << 7, /* the route is a WebSocket endpoint */
};

typedef struct {
    const char *path; /* NULL: a free entry; may end in '*', which matches any rest */
    uint8_t methods;  /* one method bit, or ROUTE_WEBSOCKET */
} route_t;

typedef struct {
    route_t routes[ROUTE_MAX];
} route_table_t;

typedef enum { ROUTE_FOUND, ROUTE_NOT_FOUND, ROUTE_METHOD_NOT_ALLOWED } route_result_t;

/* The bit of a method's name (case matters, RFC 9110 section 9.1); 0 when unknown. */
uint8_t route_method(const char *name);

/* The length of the path in a request target (RFC 9112 section 3.2, origin-form): up to '?' or
 * '#'. */
size_t route_path_length(const char *target);

/* Returns the index of the exact entry, or -1. */
int route_index(const route_table_t *table, const char *path, uint8_t methods);

/* Adds or replaces a route. Returns the index of its entry, or -1 when the table is full. */
int route_add(route_table_t *table, const char *path, uint8_t methods);
void route_remove(route_table_t *table, int index);

/* Looks up a target. An exact path wins over a prefix, a longer prefix over a shorter. HEAD falls
 * back to GET. *index gets the entry, or -1; *allow the methods that the path supports. */
route_result_t route_find(const route_table_t *table, const char *target, uint8_t method,
                          int *index, uint8_t *allow);

/* Returns the index of the WebSocket endpoint at a target, or -1. */
int route_find_websocket(const route_table_t *table, const char *target);

/* The methods that any path supports. */
uint8_t route_all_methods(const route_table_t *table);

/* Writes methods for the Allow header, such as "GET, POST, HEAD". Returns the length. */
size_t route_allow(uint8_t methods, char *out, size_t size);

#endif
