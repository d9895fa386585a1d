/* SPDX-License-Identifier: MIT */
#include "webserver/routes.h"

#include <string.h>

static const char *const method_names[ROUTE_METHODS] = {"GET",   "POST",    "PUT", "DELETE",
                                                        "PATCH", "OPTIONS", "HEAD"};

uint8_t route_method(const char *name) {
    for (int i = 0; i < ROUTE_METHODS; i++) {
        if (strcmp(name, method_names[i]) == 0) {
            return (uint8_t)(1 << i);
        }
    }
    return 0;
}

size_t route_path_length(const char *target) { return strcspn(target, "?#"); }

int route_index(const route_table_t *table, const char *path, uint8_t methods) {
    for (int i = 0; i < ROUTE_MAX; i++) {
        const route_t *route = &table->routes[i];
        if (route->path && route->methods == methods && strcmp(route->path, path) == 0) {
            return i;
        }
    }
    return -1;
}

int route_add(route_table_t *table, const char *path, uint8_t methods) {
    int index = route_index(table, path, methods);
    for (int i = 0; index < 0 && i < ROUTE_MAX; i++) {
        if (!table->routes[i].path) {
            index = i;
        }
    }
    if (index >= 0) {
        table->routes[index] = (route_t){path, methods};
    }
    return index;
}

void route_remove(route_table_t *table, int index) { table->routes[index] = (route_t){0}; }

/* How well a route matches: 0 not at all, more for a longer prefix, most for an exact match. */
static size_t fit(const route_t *route, const char *target, size_t length) {
    size_t n = strlen(route->path);
    if (n > 0 && route->path[n - 1] == '*') {
        return length >= n - 1 && memcmp(route->path, target, n - 1) == 0 ? n : 0;
    }
    return n == length && memcmp(route->path, target, n) == 0 ? SIZE_MAX : 0;
}

route_result_t route_find(const route_table_t *table, const char *target, uint8_t method,
                          int *index, uint8_t *allow) {
    size_t length = route_path_length(target), best = 0;
    uint8_t wanted = method == ROUTE_HEAD ? ROUTE_HEAD | ROUTE_GET : method;
    *index = -1;
    *allow = 0;
    for (int i = 0; i < ROUTE_MAX; i++) {
        const route_t *route = &table->routes[i];
        if (!route->path || (route->methods & ROUTE_WEBSOCKET)) {
            continue;
        }
        size_t score = fit(route, target, length);
        if (score == 0) {
            continue;
        }
        *allow |= route->methods;
        /* Among equal matches, a HEAD route wins over GET standing in for HEAD. */
        if ((route->methods & wanted) &&
            (score > best || (score == best && route->methods == method))) {
            best = score;
            *index = i;
        }
    }
    if (*allow & ROUTE_GET) {
        *allow |= ROUTE_HEAD;
    }
    if (*index >= 0) {
        return ROUTE_FOUND;
    }
    return *allow ? ROUTE_METHOD_NOT_ALLOWED : ROUTE_NOT_FOUND;
}

int route_find_websocket(const route_table_t *table, const char *target) {
    size_t length = route_path_length(target), best = 0;
    int index = -1;
    for (int i = 0; i < ROUTE_MAX; i++) {
        const route_t *route = &table->routes[i];
        if (!route->path || !(route->methods & ROUTE_WEBSOCKET)) {
            continue;
        }
        size_t score = fit(route, target, length);
        if (score > best) {
            best = score;
            index = i;
        }
    }
    return index;
}

uint8_t route_all_methods(const route_table_t *table) {
    uint8_t methods = 0;
    for (int i = 0; i < ROUTE_MAX; i++) {
        methods |= table->routes[i].methods; /* 0 in a free entry */
    }
    return (uint8_t)(methods & ROUTE_GET ? methods | ROUTE_HEAD : methods);
}

size_t route_allow(uint8_t methods, char *out, size_t size) {
    size_t n = 0;
    if (size) {
        out[0] = 0;
    }
    for (int i = 0; i < ROUTE_METHODS; i++) {
        if (!(methods & (1 << i))) {
            continue;
        }
        size_t k = strlen(method_names[i]);
        if (n + k + 3 > size) {
            break;
        }
        if (n) {
            memcpy(out + n, ", ", 2);
            n += 2;
        }
        memcpy(out + n, method_names[i], k + 1);
        n += k;
    }
    return n;
}
