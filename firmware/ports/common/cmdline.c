/* SPDX-License-Identifier: MIT */
#include "cmdline.h"

#include <stdlib.h>
#include <string.h>

static char line[CMDLINE_BYTES];

void cmdline_set(const char *text, size_t length) {
    length = length < sizeof(line) ? length : sizeof(line) - 1;
    memcpy(line, text, length);
    line[length] = '\0';
}

const char *cmdline_find(const char *text, const char *key, size_t *length) {
    size_t key_length = strlen(key);
    while (*text != '\0') {
        size_t word = strcspn(text, " ");
        if (word > key_length && text[key_length] == '=' && memcmp(text, key, key_length) == 0) {
            *length = word - key_length - 1;
            return text + key_length + 1;
        }
        text += word;
        text += strspn(text, " ");
    }
    return NULL;
}

int cmdline_hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int cmdline_decode(const char *text, size_t length, char *out, size_t size) {
    size_t written = 0;
    for (size_t i = 0; i < length; i++, written++) {
        int byte = (unsigned char)text[i];
        if (byte == '%') {
            if (length - i < 3 || cmdline_hex_digit(text[i + 1]) < 0 ||
                cmdline_hex_digit(text[i + 2]) < 0) {
                return -1;
            }
            byte = cmdline_hex_digit(text[i + 1]) * 16 + cmdline_hex_digit(text[i + 2]);
            i += 2;
        }
        if (written == size) {
            return -1;
        }
        out[written] = (char)byte;
    }
    return (int)written;
}

const char *cmdline_text(const char *key, size_t *length) {
    return cmdline_find(line, key, length);
}

uint32_t cmdline_number(const char *key, uint32_t otherwise) {
    size_t length;
    const char *value = cmdline_text(key, &length);
    if (value == NULL) {
        return otherwise;
    }
    char *end;
    unsigned long number = strtoul(value, &end, 0);
    return end == value + length && length > 0 ? (uint32_t)number : otherwise;
}
