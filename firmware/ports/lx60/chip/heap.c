/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <string.h>

/*
 * A header precedes each block's bytes. A free block has its links at the start of its bytes and
 * its size in the last word, where the following block finds it.
 */
struct heap_block {
    uint32_t tag; /* size in bytes without the header, and the flags in its lower bits */
    uint32_t
        seal; /* tag and address, hashed: a write past the end of the previous block breaks it */
    heap_block_t *next; /* of a free block only, from here on */
    heap_block_t *previous;
};

#define HEADER_BYTES 8
#define IN_USE 1u
#define PREVIOUS_IN_USE 2u
#define FLAGS 7u

/* Links and size of a free block must fit: on a 64-bit host the links are larger. */
#define LEAST_BYTES ((2 * sizeof(heap_block_t *) + 4 + HEAP_ALIGN - 1) & ~(size_t)(HEAP_ALIGN - 1))

/* Lists 0 to 31 hold one size each (8, 16, ... 256); above that four lists share each power of
 * two. */
#define EXACT_LISTS 32
#define LARGEST_BYTES 0x7ffffff8u

static uint32_t seal_of(const heap_block_t *block, uint32_t tag) {
    return (tag ^ (uint32_t)(uintptr_t)block ^ 0x5ea1ed00u) * 2654435761u;
}

static void set_tag(heap_block_t *block, uint32_t tag) {
    block->tag = tag;
    block->seal = seal_of(block, tag);
}

static bool sealed(const heap_block_t *block) { return block->seal == seal_of(block, block->tag); }

static size_t size_of(const heap_block_t *block) { return block->tag & ~FLAGS; }

static void *bytes_of(heap_block_t *block) { return (char *)block + HEADER_BYTES; }

static heap_block_t *block_of(const void *bytes) {
    return (heap_block_t *)((char *)bytes - HEADER_BYTES);
}

static heap_block_t *block_after(const heap_block_t *block) {
    return (heap_block_t *)((char *)block + HEADER_BYTES + size_of(block));
}

/* Valid only when the preceding block is free. */
static heap_block_t *block_before(const heap_block_t *block) {
    uint32_t size = ((const uint32_t *)block)[-1];
    return (heap_block_t *)((char *)block - HEADER_BYTES - size);
}

static unsigned list_of(size_t size) {
    if (size <= EXACT_LISTS * HEAP_ALIGN) {
        return size / HEAP_ALIGN - 1;
    }
    unsigned log = 31 - __builtin_clz((uint32_t)size);
    unsigned quarter = (size >> (log - 2)) & 3;
    return EXACT_LISTS + (log - 8) * 4 + quarter;
}

static void link_free(heap_t *heap, heap_block_t *block) {
    unsigned list = list_of(size_of(block));
    block->previous = NULL;
    block->next = heap->lists[list];
    if (block->next != NULL) {
        block->next->previous = block;
    }
    heap->lists[list] = block;
    heap->filled[list / 32] |= 1u << (list % 32);
    *(uint32_t *)((char *)block_after(block) - 4) = size_of(block);
    heap->free += size_of(block);
}

static void unlink_free(heap_t *heap, heap_block_t *block) {
    unsigned list = list_of(size_of(block));
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
    if (block->previous != NULL) {
        block->previous->next = block->next;
    } else {
        heap->lists[list] = block->next;
        if (block->next == NULL) {
            heap->filled[list / 32] &= ~(1u << (list % 32));
        }
    }
    heap->free -= size_of(block);
}

static void error(const heap_t *heap, const char *what, const void *address) {
    if (heap->error != NULL) {
        heap->error(what, address);
    }
}

void heap_init(heap_t *heap, void *region, size_t size, heap_error_t *on_error) {
    memset(heap, 0, sizeof(*heap));
    size &= ~(size_t)(HEAP_ALIGN - 1);
    heap->error = on_error;
    heap->first = region;
    heap->end = (heap_block_t *)((char *)region + size - HEADER_BYTES);
    set_tag(heap->first, (uint32_t)(size - 2 * HEADER_BYTES) | PREVIOUS_IN_USE);
    set_tag(heap->end, IN_USE);
    link_free(heap, heap->first);
    heap->size = heap->free;
    heap->low_water = heap->free;
}

static size_t rounded(size_t size) {
    size = (size + HEAP_ALIGN - 1) & ~(size_t)(HEAP_ALIGN - 1);
    return size < LEAST_BYTES ? LEAST_BYTES : size;
}

/* The number of the first list from `list` on that has a block, HEAP_LISTS if none. */
static unsigned filled_from(const heap_t *heap, unsigned list) {
    for (unsigned word = list / 32; word < HEAP_LISTS / 32; word++) {
        uint32_t bits = heap->filled[word];
        if (word == list / 32) {
            bits &= ~0u << (list % 32);
        }
        if (bits != 0) {
            return word * 32 + __builtin_ctz(bits);
        }
    }
    return HEAP_LISTS;
}

static heap_block_t *best_in(const heap_t *heap, unsigned list, size_t size) {
    heap_block_t *best = NULL;
    for (heap_block_t *block = heap->lists[list]; block != NULL; block = block->next) {
        if (size_of(block) >= size && (best == NULL || size_of(block) < size_of(best))) {
            best = block;
            if (size_of(best) == size) {
                break;
            }
        }
    }
    return best;
}

static heap_block_t *best_fit(const heap_t *heap, size_t size) {
    unsigned list = list_of(size);
    heap_block_t *best = best_in(heap, list, size);
    if (best == NULL) {
        list = filled_from(heap, list + 1);
        best = list < HEAP_LISTS ? best_in(heap, list, size) : NULL;
    }
    return best;
}

/* Shrinks a block in use to `size`, and merges the rest with a free block after it. */
static void trim(heap_t *heap, heap_block_t *block, size_t size) {
    size_t rest = size_of(block) - size;
    heap_block_t *next = block_after(block);
    bool join = !(next->tag & IN_USE);
    if (!join && rest < HEADER_BYTES + LEAST_BYTES) {
        return;
    }
    if (rest == 0) {
        return;
    }
    size_t free_bytes = rest - HEADER_BYTES;
    if (join) {
        free_bytes += HEADER_BYTES + size_of(next);
        unlink_free(heap, next);
        next->seal = 0;
    }
    set_tag(block, (uint32_t)size | (block->tag & FLAGS));
    heap_block_t *tail = block_after(block);
    set_tag(tail, (uint32_t)free_bytes | PREVIOUS_IN_USE);
    link_free(heap, tail);
    next = block_after(tail);
    set_tag(next, next->tag & ~PREVIOUS_IN_USE);
}

static void note_low_water(heap_t *heap) {
    if (heap->free < heap->low_water) {
        heap->low_water = heap->free;
    }
}

void *heap_alloc(heap_t *heap, size_t size) {
    if (size > LARGEST_BYTES) {
        return NULL;
    }
    size = rounded(size);
    heap_block_t *block = best_fit(heap, size);
    if (block == NULL) {
        return NULL;
    }
    if (!sealed(block) || !sealed(block_after(block))) {
        error(heap, "a free block was written to", block);
        return NULL;
    }
    unlink_free(heap, block);
    set_tag(block, block->tag | IN_USE);
    heap_block_t *next = block_after(block);
    set_tag(next, next->tag | PREVIOUS_IN_USE);
    trim(heap, block, size);
    heap->blocks++;
    note_low_water(heap);
    return bytes_of(block);
}

/* The block of this address if it is in use; reports an error if not. */
static heap_block_t *used_block(const heap_t *heap, const void *bytes) {
    heap_block_t *block = block_of(bytes);
    if ((uintptr_t)bytes % HEAP_ALIGN != 0 || block < heap->first || block >= heap->end) {
        error(heap, "not a block of this heap", bytes);
        return NULL;
    }
    if (!sealed(block)) {
        error(heap, "not a block, already freed, or its header was overwritten", bytes);
        return NULL;
    }
    if (!(block->tag & IN_USE)) {
        error(heap, "already freed", bytes);
        return NULL;
    }
    if (!sealed(block_after(block))) {
        error(heap, "written past the end of the block", bytes);
        return NULL;
    }
    return block;
}

void heap_free(heap_t *heap, void *bytes) {
    if (bytes == NULL) {
        return;
    }
    heap_block_t *block = used_block(heap, bytes);
    if (block == NULL) {
        return;
    }
    size_t size = size_of(block);
    heap_block_t *next = block_after(block);
    if (!(next->tag & IN_USE)) {
        unlink_free(heap, next);
        size += HEADER_BYTES + size_of(next);
        next->seal = 0;
    }
    if (!(block->tag & PREVIOUS_IN_USE)) {
        heap_block_t *front = block_before(block);
        if (!sealed(front) || (front->tag & IN_USE)) {
            error(heap, "the preceding free block was written to", front);
            return;
        }
        unlink_free(heap, front);
        size += HEADER_BYTES + size_of(front);
        block->seal = 0;
        block = front;
    }
    /* free blocks are never adjacent: the preceding block is in use */
    set_tag(block, (uint32_t)size | PREVIOUS_IN_USE);
    link_free(heap, block);
    next = block_after(block);
    set_tag(next, next->tag & ~PREVIOUS_IN_USE);
    heap->blocks--;
}

/* Takes the free block after this one, if that makes it large enough. */
static bool grow_in_place(heap_t *heap, heap_block_t *block, size_t size) {
    heap_block_t *next = block_after(block);
    if ((next->tag & IN_USE) || size_of(block) + HEADER_BYTES + size_of(next) < size) {
        return false;
    }
    unlink_free(heap, next);
    next->seal = 0;
    set_tag(block,
            (uint32_t)(size_of(block) + HEADER_BYTES + size_of(next)) | (block->tag & FLAGS));
    next = block_after(block);
    set_tag(next, next->tag | PREVIOUS_IN_USE);
    return true;
}

void *heap_realloc(heap_t *heap, void *bytes, size_t size) {
    if (bytes == NULL) {
        return heap_alloc(heap, size);
    }
    heap_block_t *block = used_block(heap, bytes);
    if (block == NULL || size > LARGEST_BYTES) {
        return NULL;
    }
    size_t wanted = rounded(size);
    if (size_of(block) >= wanted || grow_in_place(heap, block, wanted)) {
        trim(heap, block, wanted);
        note_low_water(heap);
        return bytes;
    }
    void *moved = heap_alloc(heap, size);
    if (moved != NULL) {
        memcpy(moved, bytes, size_of(block));
        heap_free(heap, bytes);
    }
    return moved;
}

size_t heap_block_size(const void *bytes) { return size_of(block_of(bytes)); }

size_t heap_largest(const heap_t *heap) {
    for (int word = HEAP_LISTS / 32 - 1; word >= 0; word--) {
        if (heap->filled[word] != 0) {
            size_t largest = 0;
            unsigned list = word * 32 + 31 - __builtin_clz(heap->filled[word]);
            for (heap_block_t *block = heap->lists[list]; block != NULL; block = block->next) {
                largest = size_of(block) > largest ? size_of(block) : largest;
            }
            return largest;
        }
    }
    return 0;
}

bool heap_check(const heap_t *heap) {
    size_t free_bytes = 0, free_blocks = 0, used_blocks = 0;
    bool previous_in_use = true;
    const heap_block_t *block = heap->first;
    for (; block < heap->end; block = block_after(block)) {
        if (!sealed(block) || block_after(block) > heap->end) {
            error(heap, "the header of a block was overwritten", block);
            return false;
        }
        bool in_use = block->tag & IN_USE;
        if (previous_in_use != !!(block->tag & PREVIOUS_IN_USE) || (!in_use && !previous_in_use)) {
            error(heap, "adjacent blocks disagree", block);
            return false;
        }
        free_bytes += in_use ? 0 : size_of(block);
        free_blocks += !in_use;
        used_blocks += in_use;
        previous_in_use = in_use;
    }
    for (unsigned list = 0; list < HEAP_LISTS; list++) {
        for (block = heap->lists[list]; block != NULL; block = block->next) {
            if ((block->tag & IN_USE) || list_of(size_of(block)) != list || free_blocks == 0) {
                error(heap, "a list of free blocks is damaged", block);
                return false;
            }
            free_blocks--;
        }
    }
    if (block != NULL || free_blocks != 0 || free_bytes != heap->free ||
        used_blocks != heap->blocks || !sealed(heap->end)) {
        error(heap, "the heap's counters do not agree with its blocks", heap->first);
        return false;
    }
    return true;
}
