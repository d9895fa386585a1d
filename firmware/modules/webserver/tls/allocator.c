/* SPDX-License-Identifier: MIT */
#include "webserver/tls/allocator.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "webserver/net_heap.h"
#include "webserver_threads.h"

#define GRAIN 16
#define KINDS 8 /* blocks of up to 7 * 16 bytes are cached: the numbers of P-256 and P-384 */

/* Precedes each block; 8 bytes, so that blocks stay aligned to 8. */
typedef union header {
    struct {
        union header *next; /* while the block is in the cache */
        uint32_t kind;      /* size in grains; KINDS and above are not cached */
    };
    uint64_t align;
} header_t;

static header_t *cache[KINDS];
static bool caching;
static const void *owner; /* the thread that runs the step, the only one to use the cache */

static bool may_cache(void) { return caching && owner == network_thread(); }

void *tls_calloc(size_t count, size_t size) {
    if (size && count > SIZE_MAX / 2 / size) {
        return NULL;
    }
    size_t wanted = count * size, kind = (wanted + GRAIN - 1) / GRAIN;
    header_t *block = NULL;
    if (kind < KINDS) {
        wanted = kind * GRAIN;
        block = may_cache() ? cache[kind] : NULL;
    }
    if (block) {
        cache[kind] = block->next;
    } else if (!(block = net_malloc(sizeof *block + wanted))) {
        return NULL;
    }
    block->kind = (uint32_t)kind;
    return memset(block + 1, 0, wanted);
}

void tls_release(void *memory) {
    if (!memory) {
        return;
    }
    header_t *block = (header_t *)memory - 1;
    if (block->kind < KINDS && may_cache()) {
        block->next = cache[block->kind];
        cache[block->kind] = block;
    } else {
        net_free(block);
    }
}

void tls_memory_begin_step(void) {
    owner = network_thread();
    caching = true;
}

void tls_memory_end_step(void) {
    caching = false;
    for (size_t kind = 0; kind < KINDS; kind++) {
        while (cache[kind]) {
            header_t *block = cache[kind];
            cache[kind] = block->next;
            net_free(block);
        }
    }
}
