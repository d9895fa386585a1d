/* SPDX-License-Identifier: MIT */
/*
 * A bounded heap over one region of memory: best fit from segregated lists, boundary tags,
 * immediate coalescing. Pure C without global state, so that it can be tested on the host.
 *
 * A block has 8 bytes of overhead (ESP-IDF's TLSF: 4) and is aligned to 8 (ESP-IDF's: 4), so a heap
 * of a given size holds slightly less than on an ESP32, never more.
 */
#ifndef LX60_CHIP_HEAP_H
#define LX60_CHIP_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAP_ALIGN 8
#define HEAP_LISTS 128

typedef struct heap_block heap_block_t;

/* Called on a double free, an address that is not a block, or an overwritten header. If it returns,
 * the call that detected it does nothing. */
typedef void heap_error_t(const char *what, const void *address);

typedef struct {
    heap_block_t *first;
    heap_block_t *end; /* an empty block in use after the last one */
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

/* Returns NULL when no block is large enough. A size of 0 returns a block, too. */
void *heap_alloc(heap_t *heap, size_t size);
void *heap_realloc(heap_t *heap, void *block, size_t size);
void heap_free(heap_t *heap, void *block);

/* The largest size that heap_alloc() could allocate now. */
size_t heap_largest(const heap_t *heap);

/* The actual size of an allocated block. */
size_t heap_block_size(const void *block);

/* Checks all blocks and lists; calls heap->error and returns false when something is wrong. */
bool heap_check(const heap_t *heap);

#endif
