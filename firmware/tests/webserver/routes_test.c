/* SPDX-License-Identifier: MIT */
/* Host test of the route table: methods, patterns, and what a target matches. */
#include "webserver/routes.h"

#include <string.h>

#include "check.h"

static route_table_t table;

static void finds(const char *target, uint8_t method, route_result_t result, int want,
                  const char *allowed) {
    int index;
    uint8_t allow;
    char text[64];
    CHECK(route_find(&table, target, method, &index, &allow) == result);
    CHECK(index == want);
    route_allow(allow, text, sizeof text);
    CHECK(strcmp(text, allowed) == 0);
}

int main(void) {
    int root = route_add(&table, "/", ROUTE_GET);
    int get = route_add(&table, "/echo", ROUTE_GET);
    int post = route_add(&table, "/echo", ROUTE_POST);
    int files = route_add(&table, "/files/*", ROUTE_GET);
    int deeper = route_add(&table, "/files/deep/*", ROUTE_GET);
    int exact = route_add(&table, "/files/deep/x", ROUTE_GET);
    int socket = route_add(&table, "/ws", ROUTE_WEBSOCKET);
    int sockets = route_add(&table, "/ws/*", ROUTE_WEBSOCKET);
    CHECK(route_add(&table, "/echo", ROUTE_GET) == get); /* replaces */

    finds("/", ROUTE_GET, ROUTE_FOUND, root, "GET, HEAD");
    finds("/?a=1", ROUTE_GET, ROUTE_FOUND, root, "GET, HEAD");
    finds("/echo", ROUTE_POST, ROUTE_FOUND, post, "GET, POST, HEAD");
    finds("/echo", ROUTE_HEAD, ROUTE_FOUND, get, "GET, POST, HEAD");
    finds("/echo", ROUTE_DELETE, ROUTE_METHOD_NOT_ALLOWED, -1, "GET, POST, HEAD");
    finds("/echo", 0, ROUTE_METHOD_NOT_ALLOWED, -1, "GET, POST, HEAD"); /* a method unknown here */
    finds("/echo/", ROUTE_GET, ROUTE_NOT_FOUND, -1, "");
    finds("/ech", ROUTE_GET, ROUTE_NOT_FOUND, -1, "");
    finds("/ws", ROUTE_GET, ROUTE_NOT_FOUND, -1, ""); /* an endpoint is not a handler */
    finds("/files/a/b", ROUTE_GET, ROUTE_FOUND, files, "GET, HEAD");
    finds("/files/", ROUTE_GET, ROUTE_FOUND, files, "GET, HEAD");
    finds("/files", ROUTE_GET, ROUTE_NOT_FOUND, -1, "");
    finds("/files/deep/y", ROUTE_GET, ROUTE_FOUND, deeper, "GET, HEAD");
    finds("/files/deep/x", ROUTE_GET, ROUTE_FOUND, exact, "GET, HEAD");
    finds("/files/deep/x#top", ROUTE_GET, ROUTE_FOUND, exact, "GET, HEAD");
    finds("", ROUTE_GET, ROUTE_NOT_FOUND, -1, "");

    CHECK(route_find_websocket(&table, "/ws?token=1") == socket);
    CHECK(route_find_websocket(&table, "/ws/a") == sockets);
    CHECK(route_find_websocket(&table, "/echo") == -1);

    char all[64];
    route_allow(route_all_methods(&table), all, sizeof all);
    CHECK(strcmp(all, "GET, POST, HEAD") == 0);

    /* a HEAD route wins over GET standing in for it */
    int head = route_add(&table, "/echo", ROUTE_HEAD);
    finds("/echo", ROUTE_HEAD, ROUTE_FOUND, head, "GET, POST, HEAD");

    route_remove(&table, get);
    CHECK(route_index(&table, "/echo", ROUTE_GET) == -1);
    finds("/echo", ROUTE_GET, ROUTE_METHOD_NOT_ALLOWED, -1, "POST, HEAD");

    CHECK(route_method("GET") == ROUTE_GET && route_method("get") == 0 && route_method("") == 0);
    char small[8];
    CHECK(route_allow(ROUTE_GET | ROUTE_OPTIONS, small, sizeof small) == 3);
    while (route_add(&table, "/x", ROUTE_GET) >= 0) {
        table.routes[route_index(&table, "/x", ROUTE_GET)].path = "/y";
    }
    CHECK(route_add(&table, "/new", ROUTE_GET) == -1); /* full */
    CHECK(route_add(&table, "/", ROUTE_GET) == root);  /* an existing route can still be replaced */
    return 0;
}
