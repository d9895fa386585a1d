#include "webrepl_line.h"

#include <stdint.h>
#include <string.h>

#define CTRL_C 3
#define BACKSPACE 8
#define DELETE 127

void webrepl_line_clear(webrepl_line_t *line) {
    line->length = 0;
    line->text[0] = 0;
}

line_event_t webrepl_line_feed(webrepl_line_t *line, char c) {
    bool after_cr = line->after_cr;
    line->after_cr = c == '\r';
    if (c == '\n' && after_cr) {
        return LINE_IGNORED;
    }
    if (c == '\r' || c == '\n') {
        return LINE_ENTER;
    }
    if (c == CTRL_C) {
        webrepl_line_clear(line);
        return LINE_INTERRUPT;
    }
    if (c == BACKSPACE || c == DELETE) {
        if (line->length == 0) {
            return LINE_IGNORED;
        }
        /* A whole character, however many bytes it has. */
        while (--line->length > 0 && ((uint8_t)line->text[line->length] & 0xc0) == 0x80) {
        }
        line->text[line->length] = 0;
        return LINE_ERASED;
    }
    if (((uint8_t)c < ' ' && c != '\t') || line->length == WEBREPL_LINE_MAX) {
        return LINE_IGNORED;
    }
    line->text[line->length++] = c;
    line->text[line->length] = 0;
    return LINE_MORE;
}

bool webrepl_password_equal(const char *typed, size_t typed_length, const char *password) {
    size_t length = strlen(password);
    volatile uint8_t difference = typed_length != length;
    for (size_t i = 0; i < typed_length; i++) {
        /* i % (length + 1) stays inside the password and its NUL, whatever was typed. */
        difference |= (uint8_t)typed[i] ^ (uint8_t)password[i % (length + 1)];
    }
    return difference == 0;
}

size_t webrepl_utf8_whole(const char *text, size_t length) {
    size_t at = length;
    for (int back = 1; back <= 3 && (size_t)back <= length; back++) {
        uint8_t c = (uint8_t)text[length - (size_t)back];
        if (c < 0x80) {
            break;
        }
        if (c >= 0xc0) { /* the character's first byte */
            int size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
            at = size > back ? length - (size_t)back : length;
            break;
        }
    }
    return at;
}
