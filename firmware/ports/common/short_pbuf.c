/* SPDX-License-Identifier: MIT */
#include "short_pbuf.h"

#include <stdbool.h>
#include <stdint.h>

#include "lwip/pbuf.h"

#define SHORT_BYTES 128
#define SHORT_BUFFERS 8

typedef struct {
    struct pbuf_custom pbuf; /* first, so that its address is the buffer's */
    volatile bool in_use;
    uint8_t bytes[SHORT_BYTES + ETH_PAD_SIZE];
} short_buffer_t;

static short_buffer_t short_buffers[SHORT_BUFFERS];

static void free_short(struct pbuf *p) { ((short_buffer_t *)p)->in_use = false; }

struct pbuf *short_pbuf(size_t length) {
    for (int i = 0; length <= SHORT_BYTES && i < SHORT_BUFFERS; i++) {
        short_buffer_t *buffer = &short_buffers[i];
        if (!buffer->in_use) {
            buffer->in_use = true;
            buffer->pbuf.custom_free_function = free_short;
            return pbuf_alloced_custom(PBUF_RAW, length + ETH_PAD_SIZE, PBUF_RAM, &buffer->pbuf,
                                       buffer->bytes, sizeof(buffer->bytes));
        }
    }
    return NULL;
}
