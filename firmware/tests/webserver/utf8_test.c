/* SPDX-License-Identifier: MIT */
/* Host test of the UTF-8 validator, and of the repair of invalid text. */
#include "webserver/text/utf8.h"

#include <string.h>

#include "check.h"

static size_t whole(const char *text) { return utf8_whole(text, strlen(text)); }

static bool repairs(const char *text, const char *expected) {
    char copy[32];
    strcpy(copy, text);
    utf8_repair(copy, strlen(copy));
    return strcmp(copy, expected) == 0;
}

static bool valid(const char *text) { return utf8_valid(text, strlen(text)); }

/* Whether a text is valid, checked in one piece and byte by byte. */
static bool in_pieces(const char *text) {
    utf8_t state = {0};
    for (; *text; text++) {
        if (!utf8_feed(&state, (const uint8_t *)text, 1)) {
            return false;
        }
    }
    return state.left == 0;
}

static void validates(void) {
    static const char *const good[] = {"", "a",
                                       "a\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {
        "\x80",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xe0\x80\xaf",
        "\xf0\x80\x80\xaf",
        "\xed\xa0\x80",     /* a surrogate */
        "\xf4\x90\x80\x80", /* above U+10FFFF */
        "\xf5\x80\x80\x80",
        "ab\xe2\x82", /* ends inside a character */
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CHECK(valid(good[i]) && in_pieces(good[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK(!valid(bad[i]) && !in_pieces(bad[i]));
    }
}

int main(void) {
    validates();
    CHECK(whole("abc") == 3 && whole("") == 0);
    CHECK(whole("a\xc3\xa4") == 3 && whole("a\xc3") == 1);
    CHECK(whole("\xe2\x82") == 0 && whole("\xe2\x82\xac") == 3 && whole("\xe2") == 0);
    CHECK(whole("ab\xf0\x9f\x98") == 2 && whole("\xf0\x9f\x98\x80") == 4);
    /* bytes that cannot become a character are not held back */
    CHECK(whole("\x80\x80\x80\x80") == 4 && whole("a\xff") == 2 && whole("a\xc0") == 2);
    CHECK(whole("\xe0\x80") == 2 && whole("\xed\xa0") == 2 && whole("\xf4\x90") == 2);

    CHECK(repairs("abc\n", "abc\n") && repairs("\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac"));
    CHECK(repairs("\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!"));
    CHECK(repairs("a\x80z", "a?z") && repairs("\xffx\xfe", "?x?"));
    CHECK(repairs("\xe2\x82x\xc3\xa4", "??x\xc3\xa4"));                 /* truncated, then valid */
    CHECK(repairs("\xc0\xaf", "??") && repairs("\xed\xa0\x80", "???")); /* overlong, surrogate */
    CHECK(repairs("\xf4\x90\x80\x80", "????"));
    return 0;
}
