/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include "board.h"
#include "cmdline.h"

#define PAINT 0xa5a5a5a5
#define GUARD_WORDS 8
#define PAINT_MARGIN_WORDS 32 /* below memory_init()'s frame, for paint()'s own */

/* Stack that a Python program may not use: control requests and httpserver.start(), which checks
 * certificates, run on top of it. This leaves 24 kB; the esp32 port's whole stack is 16 kB. */
#define MAIN_STACK_RESERVE (24 * 1024)

/* The free memory of an ESP32 with MicroPython v1.28.0 and ESP-IDF v5.3.1: see README.md. */
#define NET_HEAP_BYTES 184320
#define GC_HEAP_BYTES 167936
#define HEAP_BYTES_AT_LEAST 4096

/* From the linker script. */
extern uint32_t _main_stack[], _main_stack_top[], _net_stack[], _net_stack_top[];
extern char _heaps[], _ram_end[];

typedef struct {
    char *start;
    size_t size;
} region_t;

static region_t net_heap, gc_heap;

static void paint(uint32_t *bottom, const uint32_t *end) {
    while (bottom < end) {
        *bottom++ = PAINT;
    }
}

static char *place(region_t *region, char *start, const char *key, uint32_t otherwise) {
    size_t room = _ram_end - start;
    size_t size = cmdline_number(key, otherwise);
    if (size < HEAP_BYTES_AT_LEAST) {
        size = HEAP_BYTES_AT_LEAST;
    }
    if (size > room) {
        size = room;
    }
    region->start = start;
    region->size = size & ~(size_t)15;
    return start + region->size;
}

void memory_init(void) {
    /* the stack above this frame is in use */
    paint(_main_stack, (uint32_t *)__builtin_frame_address(0) - PAINT_MARGIN_WORDS);
    paint(_net_stack, _net_stack_top);
    char *next = place(&net_heap, _heaps, "heap", NET_HEAP_BYTES);
    place(&gc_heap, next, "gcheap", GC_HEAP_BYTES);
}

void *memory_net_heap(size_t *size) {
    *size = net_heap.size;
    return net_heap.start;
}

void *memory_gc_heap(size_t *size) {
    *size = gc_heap.size;
    return gc_heap.start;
}

void *memory_main_stack_top(void) { return _main_stack_top; }

size_t memory_main_stack_limit(void) {
    return (char *)_main_stack_top - (char *)_main_stack - MAIN_STACK_RESERVE;
}

void *memory_net_stack_top(void) { return _net_stack_top; }

static size_t unused(const uint32_t *bottom, const uint32_t *top) {
    const uint32_t *word = bottom;
    while (word < top && *word == PAINT) {
        word++;
    }
    return (const char *)word - (const char *)bottom;
}

size_t memory_main_stack_low_water(void) { return unused(_main_stack, _main_stack_top); }

size_t memory_net_stack_low_water(void) { return unused(_net_stack, _net_stack_top); }

uint32_t memory_stack_top(uint32_t sp) {
    if (sp >= (uint32_t)_main_stack && sp <= (uint32_t)_main_stack_top) {
        return (uint32_t)_main_stack_top;
    }
    if (sp >= (uint32_t)_net_stack && sp <= (uint32_t)_net_stack_top) {
        return (uint32_t)_net_stack_top;
    }
    return 0;
}

const char *memory_stack_end(uint32_t sp) {
    uint32_t top = memory_stack_top(sp);
    if (top == 0) {
        return NULL;
    }
    return (const char *)(top == (uint32_t)_main_stack_top ? _main_stack : _net_stack);
}

const char *memory_overrun_stack(void) {
    for (int i = 0; i < GUARD_WORDS; i++) {
        if (_main_stack[i] != PAINT) {
            return "main";
        }
        if (_net_stack[i] != PAINT) {
            return "network";
        }
    }
    return NULL;
}
