/* SPDX-License-Identifier: MIT */
/*
 * The bounded heap that all network and TLS memory comes from, apart from MicroPython's.
 *
 * On lx60 it is an allocator of ours over heap= bytes; on ESP-IDF the same calls are heap_caps'.
 */
#ifndef ESPBENCH_WEBSERVER_NET_HEAP_H
#define ESPBENCH_WEBSERVER_NET_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* As malloc() and its kin: NULL when there is no memory, or when bench.fail_alloc() says so.
 * Blocks are aligned to 8 bytes on lx60 (ESP-IDF's heap: 4). */
void *net_malloc(size_t size);
void *net_calloc(size_t count, size_t size);
void *net_realloc(void *block, size_t size);
void net_free(void *block);

/* The same below bench.fail_alloc(), for what is no user's allocation. */
void *net_heap_take(size_t size);
void net_heap_give(void *block);

typedef struct {
    size_t size;
    size_t free;
    size_t low_water; /* the least that was free since the start or the last reset of it */
    size_t largest;   /* the largest size that net_malloc() could give now */
    size_t blocks;    /* in use */
} net_heap_figures_t;

net_heap_figures_t net_heap_figures(void);
void net_heap_reset_low_water(void);

/* Looks at every block; damage ends in the panic dump. */
void net_heap_check(void);

/* Allocations that failed since the start, whatever the reason. */
uint32_t net_heap_failures(void);

#endif
