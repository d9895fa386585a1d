/* SPDX-License-Identifier: MIT */
/* The network heap: the bounded allocator of chip/heap.c over the memory that heap= reserves. */
#include "webserver/net_heap.h"

#include <string.h>

#include "bench/faults.h"
#include "heap.h"
#include "memory.h"
#include "net_heap_init.h"
#include "panic.h"

static heap_t heap;
static uint32_t failures;

static void corrupted(const char *what, const void *address) {
    panic_message("CORRUPT HEAP: %s (0x%08x)", what, (unsigned)(uintptr_t)address);
}

void net_heap_init(void) {
    size_t size;
    void *region = memory_net_heap(&size);
    heap_init(&heap, region, size, corrupted);
}

void *net_heap_take(size_t size) { return heap_alloc(&heap, size); }

void net_heap_give(void *block) { heap_free(&heap, block); }

void *net_malloc(size_t size) {
    void *block = alloc_faults_hit() ? NULL : heap_alloc(&heap, size);
    failures += block == NULL;
    return block;
}

void *net_calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        return NULL;
    }
    void *block = net_malloc(bytes);
    if (block != NULL) {
        memset(block, 0, bytes);
    }
    return block;
}

void *net_realloc(void *block, size_t size) {
    void *moved = alloc_faults_hit() ? NULL : heap_realloc(&heap, block, size);
    failures += moved == NULL;
    return moved;
}

void net_free(void *block) { heap_free(&heap, block); }

net_heap_figures_t net_heap_figures(void) {
    return (net_heap_figures_t){
        .size = heap.size,
        .free = heap.free,
        .low_water = heap.low_water,
        .largest = heap_largest(&heap),
        .blocks = heap.blocks,
    };
}

void net_heap_reset_low_water(void) { heap.low_water = heap.free; }

void net_heap_check(void) { heap_check(&heap); }

uint32_t net_heap_failures(void) { return failures; }
