/* SPDX-License-Identifier: MIT */
/* Host test of the authority in a target or a Host field: hosts, ports, and malformed ones. */
#include "webserver/http/authority.h"

#include <string.h>

#include "check.h"

static bool is(const char *text, const char *host, long port) {
    authority_t got;
    return authority_parse(text, &got) && got.host == text && got.host_length == strlen(host) &&
           strncmp(got.host, host, got.host_length) == 0 && got.port == port;
}

static bool valid(const char *text) {
    authority_t got;
    return authority_parse(text, &got);
}

static void names(void) {
    CHECK(is("device.local", "device.local", AUTHORITY_NO_PORT));
    CHECK(is("192.168.4.1:8080", "192.168.4.1", 8080));
    CHECK(is("a:", "a", AUTHORITY_NO_PORT) && is("a:080", "a", 80));
    CHECK(is("a:0", "a", 0) && is("a:65535", "a", 65535));
    CHECK(valid("a_b-c~d") && valid("!$&'()*+,;=") && valid("x%c3%BCy") && valid("%20"));

    CHECK(!valid("") && !valid(":") && !valid(":80"));
    CHECK(!valid("a b") && !valid(" a") && !valid("a ") && !valid("a\t"));
    CHECK(!valid("a/path") && !valid("a?b") && !valid("a#b") && !valid("a\\b"));
    CHECK(!valid("user@a") && !valid("user:password@a") && !valid("http://a"));
    CHECK(!valid("a\"b") && !valid("<a>") && !valid("a|b") && !valid("a^b") && !valid("{a}"));
    CHECK(!valid("\xc3\xbc") && !valid("a\x01") && !valid("a\x7f"));
    CHECK(!valid("%") && !valid("a%2") && !valid("a%zz") && !valid("a%2g"));
    CHECK(!valid("a:http") && !valid("a:8x") && !valid("a:-1") && !valid("a:+1") && !valid("a: 1"));
    CHECK(!valid("a:1:2") && !valid("a:65536") && !valid("a:99999999999999999999"));
}

static void addresses(void) {
    CHECK(is("[::1]", "[::1]", AUTHORITY_NO_PORT) && is("[FE80::a]:80", "[FE80::a]", 80));
    CHECK(is("[::1]:", "[::1]", AUTHORITY_NO_PORT));
    CHECK(valid("[::]") && valid("[1::]") && valid("[1:2:3:4:5:6:7:8]"));
    CHECK(valid("[1:2:3:4:5:6:7::]") && valid("[::2:3:4:5:6:7:8]") && valid("[1::3:4:5:6:7:8]"));
    CHECK(valid("[::ffff:192.168.4.1]") && valid("[::0.0.0.255]"));
    CHECK(valid("[1:2:3:4:5:6:1.2.3.4]") && valid("[1:2:3:4:5::1.2.3.4]"));

    CHECK(!valid("[::1") && !valid("[") && !valid("[]") && !valid("[:]") && !valid("[::1]]"));
    CHECK(!valid("::1") && !valid("a[::1]") && !valid("[::1]80") && !valid("[::1]a"));
    CHECK(!valid("[:::]") && !valid("[1:]") && !valid("[:1]") && !valid("[1::2::3]"));
    CHECK(!valid("[1:2:3:4:5:6:7]") && !valid("[1:2:3:4:5:6:7:8:9]"));
    CHECK(!valid("[1:2:3:4::5:6:7:8]") && !valid("[::12345]") && !valid("[::g]"));
    CHECK(!valid("[1.2.3.4]") && !valid("[::1.2.3]") && !valid("[::1.2.3.4.5]"));
    CHECK(!valid("[::1.2.3.256]") && !valid("[::1.2.3.04]") && !valid("[::1.2.3.]"));
    CHECK(!valid("[::1.2.3.4:5]") && !valid("[1:2:3:4:5:6:7:1.2.3.4]"));
    CHECK(!valid("[::.2.3.4]") && !valid("[::99999999999.2.3.4]") && !valid("[::a.2.3.4]"));
    CHECK(!valid("[fe80::1%25eth0]") && !valid("[v1.a]") && !valid("[a.test]"));
}

int main(void) {
    names();
    addresses();
    return 0;
}
