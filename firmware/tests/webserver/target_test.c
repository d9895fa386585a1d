/* SPDX-License-Identifier: MIT */
/* Host test of a request's target: origin form, absolute form, and malformed ones. */
#include "webserver/http/target.h"

#include <string.h>

#include "check.h"

#define HTTP false
#define HTTPS true

/* The target is in an allocation of its own size, so that the sanitizer sees every overrun. */
static bool splits(const char *target, bool secure, bool options, const char *authority,
                   const char *path) {
    char *text = strdup(target);
    http_target_t got = http_target(text, secure, options);
    bool same = got.status == 0 && strcmp(got.path, path) == 0 &&
                (authority ? got.authority && strcmp(got.authority, authority) == 0
                           : got.authority == NULL);
    free(text);
    return same;
}

static bool is(const char *target, const char *authority, const char *path) {
    return splits(target, HTTP, false, authority, path);
}

static unsigned status(const char *target, bool secure) {
    char *text = strdup(target);
    http_target_t got = http_target(text, secure, false);
    CHECK((got.status != 0) == (got.what != NULL));
    free(text);
    return got.status;
}

static void origin_form(void) {
    CHECK(is("/", NULL, "/") && is("/a?b=http://c/", NULL, "/a?b=http://c/"));
    CHECK(is("//a/b", NULL, "//a/b") && is("/http://a/", NULL, "/http://a/"));
    CHECK(splits("*", HTTP, true, NULL, "*"));
}

static void absolute_form(void) {
    CHECK(is("http://a/b?c=/d", "a", "/b?c=/d") && is("http://a/", "a", "/"));
    CHECK(is("HTTP://Device.Local:8080/B", "Device.Local:8080", "/B"));
    CHECK(is("http://[::1]:80/b", "[::1]:80", "/b"));
    CHECK(is("http://a-name-longer-than-the-scheme.test/b", "a-name-longer-than-the-scheme.test",
             "/b"));
    CHECK(splits("https://a/b", HTTPS, false, "a", "/b"));
    CHECK(splits("HttpS://a:443/b", HTTPS, false, "a:443", "/b"));

    /* without a path */
    CHECK(is("http://a", "a", "/") && is("http://a:80?b=/", "a:80", "/?b=/"));
    CHECK(splits("https://a", HTTPS, false, "a", "/"));
    CHECK(splits("http://a", HTTP, true, "a", "*") && splits("http://a/", HTTP, true, "a", "/"));
    CHECK(splits("http://a?b", HTTP, true, "a", "/?b"));
}

static void refused(void) {
    CHECK(status("ftp://a/b", HTTP) == 400 && status("ws://a/b", HTTP) == 400);
    CHECK(status("wss://a/b", HTTPS) == 400 && status("httpx://a/b", HTTP) == 400);
    CHECK(status("htt://a/b", HTTP) == 400 && status("://a/b", HTTP) == 400);
    CHECK(status("", HTTP) == 400 && status("a", HTTP) == 400 && status("http", HTTP) == 400);
    CHECK(status("*", HTTP) == 400 && status("*/x", HTTP) == 400); /* of OPTIONS alone */
    CHECK(status("http:", HTTP) == 400 && status("http:/a", HTTP) == 400);
    CHECK(status("http:a", HTTP) == 400 && status("a.test:80", HTTP) == 400);

    CHECK(status("http://", HTTP) == 400 && status("http:///b", HTTP) == 400);
    CHECK(status("http://:80/b", HTTP) == 400 && status("http://?b", HTTP) == 400);
    CHECK(status("http://user@a/b", HTTP) == 400 && status("http://a:b/", HTTP) == 400);
    CHECK(status("http://[::1/b", HTTP) == 400 && status("http://a:65536/", HTTP) == 400);
    CHECK(status("https://user@a/b", HTTP) == 400);

    /* the other server's scheme */
    CHECK(status("https://a/b", HTTP) == 421 && status("http://a/b", HTTPS) == 421);
    CHECK(status("https://a:80/b", HTTP) == 421);
}

static bool host_valid(const char *headers) { return http_host_fault(headers, false) == NULL; }

static void host(void) {
    CHECK(host_valid("accept\0*\0host\0a.test:80\0") && host_valid("host\0[::1]\0"));
    CHECK(host_valid("host\0\0") && http_host_fault("", true) == NULL);
    CHECK(!host_valid("") && !host_valid("hosts\0a\0"));
    CHECK(!host_valid("host\0a\0host\0b\0") && !host_valid("host\0a\0host\0a\0"));
    CHECK(!host_valid("host\0\0host\0a\0"));
    CHECK(http_host_fault("host\0a\0host\0a\0", true) != NULL);
    CHECK(!host_valid("host\0a b\0") && !host_valid("host\0a.test/path\0"));
    CHECK(!host_valid("host\0user@a.test\0") && !host_valid("host\0a.test:http\0"));
    CHECK(!host_valid("host\0[::1\0") && !host_valid("host\0:80\0"));
    CHECK(http_host_fault("host\0a b\0", true) != NULL);
}

int main(void) {
    origin_form();
    absolute_form();
    refused();
    host();
    return 0;
}
