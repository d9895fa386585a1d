/* SPDX-License-Identifier: MIT */
/* Host test of the WebREPL's password: how it is typed and compared. */
#include "webrepl/auth.h"

#include <string.h>

#include "check.h"

static webrepl_password_t typed;

static bool type(const char *text) {
    bool complete;
    size_t used = webrepl_password_type(&typed, (const uint8_t *)text, strlen(text), &complete);
    return complete && used == strlen(text);
}

static webrepl_password_t line(const char *text) {
    memset(&typed, 0, sizeof typed);
    CHECK(type(text));
    return typed;
}

static bool equal(const char *a, const char *b) {
    webrepl_password_t first = line(a), second = line(b);
    return webrepl_password_equal(&first, &second);
}

int main(void) {
    bool complete;
    size_t used = webrepl_password_type(&typed, (const uint8_t *)"secret\rprint", 12, &complete);
    CHECK(complete && used == 7 && typed.length == 6); /* the rest is not part of the password */

    CHECK(equal("secret\r", "secret\n") && equal("\r", "\r"));
    CHECK(!equal("secret\r", "secreT\r") && !equal("secret\r", "secre\r"));
    CHECK(!equal("secre\r", "secret\r") && !equal("\r", "x\r"));
    CHECK(equal("sex\x08"
                "cret\r",
                "secret\r"));
    CHECK(equal("ab\xe2\x82\xac\x7f\r", "ab\r")); /* DEL takes a whole character */
    CHECK(equal("\x7f\x08x\r", "x\r") && equal("wrong\x03right\r", "right\r"));

    char long_text[WEBREPL_PASSWORD_MAX + 3];
    memset(long_text, 'x', sizeof long_text);
    strcpy(long_text + WEBREPL_PASSWORD_MAX, "\r");
    webrepl_password_t longest = line(long_text);
    CHECK(longest.length == WEBREPL_PASSWORD_MAX);
    strcpy(long_text + WEBREPL_PASSWORD_MAX, "x\r");
    webrepl_password_t too_long = line(long_text);
    CHECK(!webrepl_password_equal(&too_long, &longest));
    strcpy(long_text + WEBREPL_PASSWORD_MAX, "x\x7f"); /* stays too long */
    memset(&typed, 0, sizeof typed);
    CHECK(!type(long_text) && type("\r") && !webrepl_password_equal(&typed, &longest));

    CHECK(webrepl_password_delay_ms(0) == 0 && webrepl_password_delay_ms(1) == 250);
    for (unsigned i = 1; i < 100; i++) {
        CHECK(webrepl_password_delay_ms(i + 1) >= webrepl_password_delay_ms(i));
    }
    CHECK(webrepl_password_delay_ms(6) == 8000 && webrepl_password_delay_ms(4000000000u) == 8000);
    return 0;
}
