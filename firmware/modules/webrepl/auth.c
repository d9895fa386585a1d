/* SPDX-License-Identifier: MIT */
#include "auth.h"

#include "webserver/zeroize.h"

#define CTRL_C 3
#define BACKSPACE 8
#define DELETE 127
#define FIRST_DELAY_MS 250
#define DOUBLINGS 5

static void erase(webrepl_password_t *typed) {
    if (typed->length == 0 || typed->length > WEBREPL_PASSWORD_MAX) {
        return; /* an overlong password cannot be corrected */
    }
    uint8_t byte;
    do { /* a whole character, which may be several bytes */
        byte = typed->text[--typed->length];
        typed->text[typed->length] = 0;
    } while (typed->length > 0 && (byte & 0xc0) == 0x80);
}

size_t webrepl_password_type(webrepl_password_t *typed, const uint8_t *data, size_t length,
                             bool *complete) {
    *complete = false;
    for (size_t i = 0; i < length; i++) {
        if (data[i] == '\r' || data[i] == '\n') {
            *complete = true;
            return i + 1;
        }
        if (data[i] == BACKSPACE || data[i] == DELETE) {
            erase(typed);
        } else if (data[i] == CTRL_C) {
            zeroize(typed, sizeof *typed);
        } else if (typed->length < WEBREPL_PASSWORD_MAX) {
            typed->text[typed->length++] = data[i];
        } else {
            typed->length = WEBREPL_PASSWORD_MAX + 1;
        }
    }
    return length;
}

bool webrepl_password_equal(const webrepl_password_t *typed, const webrepl_password_t *password) {
    volatile unsigned difference = typed->length ^ password->length;
    for (size_t i = 0; i < WEBREPL_PASSWORD_MAX; i++) {
        difference |= typed->text[i] ^ password->text[i];
    }
    return difference == 0;
}

uint32_t webrepl_password_delay_ms(unsigned failures) {
    if (failures == 0) {
        return 0;
    }
    return (uint32_t)FIRST_DELAY_MS << (failures - 1 < DOUBLINGS ? failures - 1 : DOUBLINGS);
}
