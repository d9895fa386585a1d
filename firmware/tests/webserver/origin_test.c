/* SPDX-License-Identifier: MIT */
/* Host test of the Origin check: same origin, allowed origins, and malformed ones. */
#include "webserver/http/origin.h"

#include "check.h"

#define HTTP false
#define HTTPS true

static void same(void) {
    CHECK(origin_is_same("http://localhost:8080", HTTP, "localhost:8080"));
    CHECK(origin_is_same("https://device.local", HTTPS, "device.local"));
    CHECK(origin_is_same("HTTP://Device.Local", HTTP, "dEVICE.lOCAL"));

    /* a missing port is the scheme's default, on either side */
    CHECK(origin_is_same("http://a:80", HTTP, "a") && origin_is_same("http://a", HTTP, "a:80"));
    CHECK(origin_is_same("https://a:443", HTTPS, "a") &&
          origin_is_same("https://a", HTTPS, "a:443"));
    CHECK(origin_is_same("http://a", HTTP, "a:") && origin_is_same("http://a:080", HTTP, "a"));
    CHECK(!origin_is_same("http://a:443", HTTP, "a") &&
          !origin_is_same("https://a", HTTPS, "a:80"));
    CHECK(!origin_is_same("http://a", HTTP, "a:8080"));
    CHECK(!origin_is_same("http://a:8080", HTTP, "a"));

    /* the scheme is that of the server that received the request */
    CHECK(!origin_is_same("http://a", HTTPS, "a") && !origin_is_same("https://a", HTTP, "a"));
    CHECK(!origin_is_same("http://a:443", HTTPS, "a") && !origin_is_same("ws://a", HTTP, "a"));

    CHECK(origin_is_same("http://[::1]:8080", HTTP, "[::1]:8080"));
    CHECK(origin_is_same("http://[FE80::A]", HTTP, "[fe80::a]:80"));
    CHECK(!origin_is_same("http://[::1]", HTTP, "[::2]"));
    CHECK(!origin_is_same("http://[::1", HTTP, "[::1") &&
          !origin_is_same("http://::1", HTTP, "::1"));
    CHECK(!origin_is_same("http://[::1]80", HTTP, "[::1]80"));

    CHECK(!origin_is_same("http://a.evil.example", HTTP, "a") &&
          !origin_is_same("http://a", HTTP, "ab"));
    CHECK(!origin_is_same("http://a@evil.example", HTTP, "a"));
    CHECK(!origin_is_same("http://a/", HTTP, "a") && !origin_is_same("http://a/", HTTP, "a/"));
    CHECK(!origin_is_same("http://a http://b", HTTP, "a"));
    CHECK(!origin_is_same("http://a:65536", HTTP, "a:65536"));
    CHECK(!origin_is_same("http://a:8x", HTTP, "a:8x") &&
          !origin_is_same("http://a:-1", HTTP, "a:-1"));
    CHECK(!origin_is_same("null", HTTP, "null") && !origin_is_same("", HTTP, "a"));
    CHECK(!origin_is_same("http://", HTTP, "") && !origin_is_same("http://:80", HTTP, ":80"));
    CHECK(!origin_is_same("a", HTTP, "a") && !origin_is_same("http://a", HTTP, NULL));
    CHECK(!origin_is_same("http://a", HTTP, "http://a"));
}

static void allowed(void) {
    static const char list[] = "https://device.local\0http://10.0.0.5:8080\0";
    CHECK(origin_allowed(NULL, NULL, HTTP, "a") && origin_allowed(list, NULL, HTTPS, NULL));
    CHECK(origin_allowed(NULL, "http://a", HTTP, "a") && origin_allowed("", "http://a", HTTP, "a"));
    CHECK(!origin_allowed(NULL, "http://evil.example", HTTP, "a"));
    CHECK(!origin_allowed(NULL, "null", HTTP, "a") && !origin_allowed(NULL, "", HTTP, "a"));

    CHECK(
        origin_allowed(list, "http://a", HTTP, "a")); /* our own pages, besides those on the list */
    CHECK(origin_allowed(list, "https://device.local", HTTP, "a"));
    CHECK(origin_allowed(list, "HTTPS://Device.Local:443", HTTP, "a"));
    CHECK(origin_allowed(list, "http://10.0.0.5:8080", HTTP, "a"));
    CHECK(!origin_allowed(list, "http://device.local", HTTP, "a")); /* another scheme */
    CHECK(!origin_allowed(list, "http://10.0.0.5", HTTP, "a"));     /* another port */
    CHECK(!origin_allowed(list, "https://device.local.evil.example", HTTP, "a"));
    CHECK(!origin_allowed(list, "https://device.loca", HTTP, "a"));
    CHECK(!origin_allowed(list, "", HTTP, "a") && !origin_allowed(list, "null", HTTP, "a"));
    CHECK(origin_allowed("https://a:443\0", "https://a", HTTP, "b"));

    CHECK(origin_allowed("*\0", "http://evil.example", HTTP, "a"));
    CHECK(origin_allowed("null\0", "null", HTTP, "a"));
    CHECK(!origin_allowed("null\0", "http://null", HTTP, "a"));
    CHECK(origin_allowed("app://x\0", "app://X", HTTP, "a"));
    CHECK(!origin_allowed("app://x\0", "app://x:1", HTTP, "a"));
}

static void entries(void) {
    CHECK(origin_entry_valid("https://a") && origin_entry_valid("http://a:80"));
    CHECK(origin_entry_valid("http://[::1]:8080"));
    CHECK(origin_entry_valid("*") && origin_entry_valid("null"));
    CHECK(!origin_entry_valid("") && !origin_entry_valid("device.local"));
    CHECK(!origin_entry_valid("https://a/") && !origin_entry_valid("https://"));
    CHECK(!origin_entry_valid("://a") && !origin_entry_valid("https://a b"));
    CHECK(!origin_entry_valid("https://a:port") && !origin_entry_valid("https://a:99999"));
}

int main(void) {
    same();
    allowed();
    entries();
    return 0;
}
