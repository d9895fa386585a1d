#include "webrepl_line.h"

#include <string.h>

#include "check.h"

static webrepl_line_t line;

static line_event_t type(const char *text) {
    line_event_t event = LINE_IGNORED;
    for (; *text; text++) {
        event = webrepl_line_feed(&line, *text);
    }
    return event;
}

int main(void) {
    CHECK(type("abc") == LINE_MORE && type("\x08") == LINE_ERASED && strcmp(line.text, "ab") == 0);
    CHECK(type("\xc3\xa4\x7f") == LINE_ERASED && strcmp(line.text, "ab") == 0); /* a whole one */
    CHECK(type("\r") == LINE_ENTER && line.length == 2);
    webrepl_line_clear(&line);
    CHECK(type("\n") == LINE_IGNORED); /* belongs to the CR */
    CHECK(type("\n") == LINE_ENTER);   /* its own */
    CHECK(type("\x08") == LINE_IGNORED && type("\x01\x1b") == LINE_IGNORED);
    CHECK(type("x\x03") == LINE_INTERRUPT && line.length == 0);
    for (int i = 0; i < WEBREPL_LINE_MAX; i++) {
        CHECK(type("y") == LINE_MORE);
    }
    CHECK(type("z") == LINE_IGNORED && line.length == WEBREPL_LINE_MAX);

    CHECK(webrepl_password_equal("secret", 6, "secret"));
    CHECK(!webrepl_password_equal("secreT", 6, "secret"));
    CHECK(!webrepl_password_equal("secre", 5, "secret"));
    CHECK(!webrepl_password_equal("secret", 6, "secre"));
    CHECK(!webrepl_password_equal("", 0, "secret"));
    CHECK(!webrepl_password_equal("secretsecretsecret", 18, "secret"));
    CHECK(!webrepl_password_equal("secret\0", 7, "secret"));

    CHECK(webrepl_utf8_whole("abc", 3) == 3 && webrepl_utf8_whole("", 0) == 0);
    CHECK(webrepl_utf8_whole("a\xc3\xa4", 3) == 3 && webrepl_utf8_whole("a\xc3", 2) == 1);
    CHECK(webrepl_utf8_whole("\xe2\x82", 2) == 0 && webrepl_utf8_whole("\xe2\x82\xac", 3) == 3);
    CHECK(webrepl_utf8_whole("\xf0\x9f\x98", 3) == 0);
    CHECK(webrepl_utf8_whole("\x80\x80\x80\x80", 4) == 4); /* no UTF-8 at all: not kept for ever */
    return 0;
}
