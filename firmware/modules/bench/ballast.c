/* SPDX-License-Identifier: MIT */
#include "ballast.h"

#include "webserver/net_heap.h"

/* Each block begins with the address of the one taken before it. */
typedef struct block {
    struct block *before;
    size_t size;
} block_t;

static block_t *newest;
static size_t held;

size_t ballast_held(void) { return held; }

static void give_one(void) {
    block_t *block = newest;
    newest = block->before;
    held -= block->size;
    net_heap_give(block);
}

static size_t take_one(size_t most) {
    size_t largest = net_heap_figures().largest;
    size_t size = most < largest ? most : largest;
    block_t *block = size >= sizeof(block_t) ? net_heap_take(size) : NULL;
    if (block == NULL) {
        return 0;
    }
    block->before = newest;
    block->size = size;
    newest = block;
    held += size;
    return size;
}

static void fill(size_t bytes) {
    while (held < bytes && take_one(bytes - held) > 0) {
    }
}

#define HEADERS 64 /* room for the headers of the ballast's blocks */

/* Reserves the memory that is to stay free, so that it stays in one piece. */
static void *keep_room(size_t bytes) {
    size_t free = net_heap_figures().free, more = bytes - held + HEADERS;
    return free > more ? net_heap_take(free - more) : NULL;
}

size_t ballast_set(size_t bytes) {
    while (held > bytes) {
        give_one();
    }
    if (held == bytes) {
        return held;
    }
    void *room = keep_room(bytes);
    fill(bytes);
    if (room != NULL) {
        net_heap_give(room);
    }
    fill(bytes);
    return held;
}
