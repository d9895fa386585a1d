/* SPDX-License-Identifier: MIT */
/* RAM behind the image: stacks and heaps, none of them in the ELF file. */
#ifndef LX60_CHIP_MEMORY_H
#define LX60_CHIP_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Paints the stacks and places the heaps as heap= and gcheap= say. */
void memory_init(void);

void *memory_net_heap(size_t *size);
void *memory_gc_heap(size_t *size);

/* MicroPython's stack, and what may be used of it. */
void *memory_main_stack_top(void);
size_t memory_main_stack_limit(void);

void *memory_net_stack_top(void);

/* Bytes of the stacks that were never used. */
size_t memory_main_stack_low_water(void);
size_t memory_net_stack_low_water(void);

/* The top of the stack that this address is in, 0 if in none. */
uint32_t memory_stack_top(uint32_t sp);

/* The end of the stack that this address is in, its lowest address; NULL if in none. */
const char *memory_stack_end(uint32_t sp);

/* The name of a stack whose last words were overwritten, or NULL. */
const char *memory_overrun_stack(void);

#endif
