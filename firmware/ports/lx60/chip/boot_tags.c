/* SPDX-License-Identifier: MIT */
#include "boot_tags.h"

#include <stddef.h>
#include <stdint.h>

#include "cmdline.h"

/* arch/xtensa/include/asm/bootparam.h of Linux: a header of two 16-bit words, tag and size, then
 * the data. */
#define TAG_COMMAND_LINE 0x1001
#define TAG_LAST 0x7e0b
#define TAGS_AT_MOST 64

typedef struct {
    uint16_t id;
    uint16_t size;
} tag_t;

void boot_tags_read(const void *tags) {
    const char *at = tags;
    for (int n = 0; at != NULL && n < TAGS_AT_MOST; n++) {
        const tag_t *tag = (const tag_t *)at;
        if (tag->id == TAG_LAST) {
            return;
        }
        if (tag->id == TAG_COMMAND_LINE) {
            cmdline_set(at + sizeof(*tag), tag->size);
        }
        at += sizeof(*tag) + tag->size;
    }
}
