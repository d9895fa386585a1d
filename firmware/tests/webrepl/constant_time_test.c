/* SPDX-License-Identifier: MIT */
/*
 * Counts the basic blocks that the password comparison executes (-fsanitize-coverage=trace-pc calls
 * us for each). The count must not depend on the passwords, or the time would reveal how much was
 * right.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "webrepl/auth.h"

static unsigned blocks;

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void) { blocks++; }

static unsigned cost(const char *typed, const char *password) {
    webrepl_password_t a = {.length = (uint16_t)strlen(typed)};
    webrepl_password_t b = {.length = (uint16_t)strlen(password)};
    memcpy(a.text, typed, a.length);
    memcpy(b.text, password, b.length);
    blocks = 0;
    bool equal = webrepl_password_equal(&a, &b);
    unsigned counted = blocks;
    CHECK(equal == (strcmp(typed, password) == 0));
    return counted;
}

int main(void) {
    unsigned right = cost("correct horse", "correct horse");
    CHECK(right > WEBREPL_PASSWORD_MAX); /* it was really instrumented */
    CHECK(cost("Xorrect horse", "correct horse") == right);
    CHECK(cost("correct horsX", "correct horse") == right);
    CHECK(cost("correct hors", "correct horse") == right);
    CHECK(cost("", "correct horse") == right);
    CHECK(cost("a password that is a good deal longer", "correct horse") == right);
    printf("%u blocks\n", right);
    return 0;
}
