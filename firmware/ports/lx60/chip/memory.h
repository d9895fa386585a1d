/* SPDX-License-Identifier: MIT */
/* RAM after the image: stacks and heaps, which are not in the ELF file. */
#ifndef LX60_CHIP_MEMORY_H
#define LX60_CHIP_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Paints the stacks, and places the heaps with the sizes in heap= and gcheap=. */
void memory_init(void);

void *memory_net_heap(size_t *size);
void *memory_gc_heap(size_t *size);

/* MicroPython's stack, and how much of it programs may use. */
void *memory_main_stack_top(void);
size_t memory_main_stack_limit(void);

void *memory_net_stack_top(void);

/* Bytes of the stacks never used so far. */
size_t memory_main_stack_low_water(void);
size_t memory_net_stack_low_water(void);

/* The top of the stack that contains this address, or 0. */
uint32_t memory_stack_top(uint32_t sp);

/* The lowest address of the stack that contains this address, or NULL. */
const char *memory_stack_end(uint32_t sp);

/* The name of a stack whose last words were overwritten, or NULL. */
const char *memory_overrun_stack(void);

#endif
