/* SPDX-License-Identifier: MIT */
#include "webrepl/text.h"

#include <stdbool.h>
#include <string.h>

#include "check.h"

static size_t whole(const char *text) { return webrepl_text_whole(text, strlen(text)); }

static bool repairs(const char *text, const char *expected) {
    char copy[32];
    strcpy(copy, text);
    webrepl_text_repair(copy, strlen(copy));
    return strcmp(copy, expected) == 0;
}

int main(void) {
    CHECK(whole("abc") == 3 && whole("") == 0);
    CHECK(whole("a\xc3\xa4") == 3 && whole("a\xc3") == 1);
    CHECK(whole("\xe2\x82") == 0 && whole("\xe2\x82\xac") == 3 && whole("\xe2") == 0);
    CHECK(whole("ab\xf0\x9f\x98") == 2 && whole("\xf0\x9f\x98\x80") == 4);
    /* what cannot become a character is not kept for ever */
    CHECK(whole("\x80\x80\x80\x80") == 4 && whole("a\xff") == 2 && whole("a\xc0") == 2);
    CHECK(whole("\xe0\x80") == 2 && whole("\xed\xa0") == 2 && whole("\xf4\x90") == 2);

    CHECK(repairs("abc\n", "abc\n") && repairs("\xc3\xa4\xe2\x82\xac", "\xc3\xa4\xe2\x82\xac"));
    CHECK(repairs("\xf0\x9f\x98\x80!", "\xf0\x9f\x98\x80!"));
    CHECK(repairs("a\x80z", "a?z") && repairs("\xffx\xfe", "?x?"));
    CHECK(repairs("\xe2\x82x\xc3\xa4", "??x\xc3\xa4"));                 /* cut, then good ones */
    CHECK(repairs("\xc0\xaf", "??") && repairs("\xed\xa0\x80", "???")); /* overlong, surrogate */
    CHECK(repairs("\xf4\x90\x80\x80", "????"));
    return 0;
}
