/* SPDX-License-Identifier: MIT */
/*
 * A bounded heap over one region of memory: best fit from segregated lists, boundary tags,
 * neighbours joined at once. Pure C without a global, so that it is tested on the host.
 *
 * A block costs 8 bytes (ESP-IDF's TLSF: 4) and is aligned to 8 (ESP-IDF's: 4), so that a given
 * size holds a little less than on an ESP32, never more.
 */
#ifndef LX60_CHIP_HEAP_H
#define LX60_CHIP_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_ALIGN 8
#define HEAP_LISTS 128

typedef struct heap_block heap_block_t;

/* Told of a double free, of an address that is no block, and of headers that were overwritten.
 * If it returns, the call that found it does nothing. */
typedef void heap_error_t(const char *what, const void *address);

typedef struct {
    heap_block_t *first;
    heap_block_t *end; /* a block in use of no size behind the last one */
    heap_block_t *lists[HEAP_LISTS];
    uint32_t filled[HEAP_LISTS / 32]; /* bit n: lists[n] is not empty */
    size_t size;                      /* the most that can ever be free, in bytes */
    size_t free;                      /* what the free blocks hold, without headers */
    size_t low_water;
    size_t blocks; /* in use */
    heap_error_t *error;
} heap_t;

/* `region` must be aligned to HEAP_ALIGN and have at least 64 bytes. */
void heap_init(heap_t *heap, void *region, size_t size, heap_error_t *error);

/* NULL when no block is large enough. A size of 0 gives a block as well. */
void *heap_alloc(heap_t *heap, size_t size);
void *heap_realloc(heap_t *heap, void *block, size_t size);
void heap_free(heap_t *heap, void *block);

/* The largest size that heap_alloc() would give now. */
size_t heap_largest(const heap_t *heap);

/* What heap_alloc() really gave. */
size_t heap_block_size(const void *block);

/* Walks over all blocks and lists; false (and heap->error is told) when something is wrong. */
bool heap_check(const heap_t *heap);

#endif
