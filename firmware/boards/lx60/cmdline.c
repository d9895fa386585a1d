#include "cmdline.h"

#include <stdlib.h>
#include <string.h>

/* Boot parameter tags, arch/xtensa/include/asm/bootparam.h of Linux: a header of two 16-bit
 * words, tag and size, then the data. */
#define TAG_COMMAND_LINE 0x1001
#define TAG_LAST 0x7e0b
#define TAGS_AT_MOST 64

typedef struct {
    uint16_t id;
    uint16_t size;
} tag_t;

static char line[1024];

void cmdline_init(const void *tags) {
    const char *at = tags;
    for (int n = 0; at != NULL && n < TAGS_AT_MOST; n++) {
        const tag_t *tag = (const tag_t *)at;
        if (tag->id == TAG_LAST) {
            return;
        }
        if (tag->id == TAG_COMMAND_LINE) {
            size_t length = tag->size < sizeof(line) ? tag->size : sizeof(line) - 1;
            memcpy(line, at + sizeof(*tag), length);
        }
        at += sizeof(*tag) + tag->size;
    }
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

static int hex_digit(char c) {
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
            if (length - i < 3 || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) {
                return -1;
            }
            byte = hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]);
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
