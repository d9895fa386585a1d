/* SPDX-License-Identifier: MIT */
/*
 * The bounded heap for all network and TLS memory, separate from MicroPython's.
 *
 * On lx60 it is our own allocator over heap= bytes; on ESP-IDF it is heap_caps.
 */
#ifndef ESPBENCH_WEBSERVER_NET_HEAP_H
#define ESPBENCH_WEBSERVER_NET_HEAP_H

#include <stddef.h>
#include <stdint.h>

/* Like malloc() and its relatives: NULL when out of memory, or by bench.fail_alloc(). Blocks are
 * aligned to 8 bytes on lx60 (ESP-IDF's heap: 4). */
void *net_malloc(size_t size);
void *net_calloc(size_t count, size_t size);
void *net_realloc(void *block, size_t size);
void net_free(void *block);

/* The same without fault injection, for the bench's own allocations. */
void *net_heap_take(size_t size);
void net_heap_give(void *block);

typedef struct {
    size_t size;
    size_t free;
    size_t low_water; /* the lowest `free` since the start or the last reset */
    size_t largest;   /* the largest size that net_malloc() could allocate now */
    size_t blocks;    /* in use */
} net_heap_figures_t;

net_heap_figures_t net_heap_figures(void);
void net_heap_reset_low_water(void);

/* Checks every block; panics when one is damaged. */
void net_heap_check(void);

/* Allocations that failed since the start, for any reason. */
uint32_t net_heap_failures(void);

#endif
