/* SPDX-License-Identifier: MIT */
/* Host test of the bounded heap: each guarantee by itself, then random calls against a model. */
#include "heap.h"

#include <stdint.h>
#include <string.h>

#include "check.h"

#define REGION_BYTES 65536
#define HEADER_BYTES 8

static _Alignas(16) unsigned char region[REGION_BYTES];
static heap_t heap;
static const char *complaint;
static const void *complaint_address;

static void complain(const char *what, const void *address) {
    complaint = what;
    complaint_address = address;
}

static void fresh(void) {
    memset(region, 0xee, sizeof(region));
    complaint = NULL;
    heap_init(&heap, region, sizeof(region), complain);
}

static void healthy(void) {
    CHECK(heap_check(&heap));
    CHECK(complaint == NULL);
}

static void test_an_empty_heap_is_one_block(void) {
    fresh();
    CHECK(heap.size == REGION_BYTES - 2 * HEADER_BYTES);
    CHECK(heap.free == heap.size && heap.low_water == heap.size && heap.blocks == 0);
    CHECK(heap_largest(&heap) == heap.size);
    healthy();
}

static void test_all_of_it_can_be_had_at_once(void) {
    fresh();
    void *all = heap_alloc(&heap, heap.size);
    CHECK(all != NULL && heap.free == 0 && heap_largest(&heap) == 0 && heap.low_water == 0);
    CHECK(heap_alloc(&heap, 1) == NULL);
    healthy();
    heap_free(&heap, all);
    CHECK(heap.free == heap.size && heap.low_water == 0);
    healthy();
}

static void test_blocks_are_aligned_and_large_enough(void) {
    fresh();
    for (size_t size = 0; size < 600; size++) {
        unsigned char *block = heap_alloc(&heap, size);
        CHECK(block != NULL && (uintptr_t)block % HEAP_ALIGN == 0);
        CHECK(heap_block_size(block) >= size);
        memset(block, (int)size, heap_block_size(block));
        heap_free(&heap, block);
    }
    CHECK(heap.free == heap.size);
    healthy();
}

static void test_what_cannot_be_had_is_null(void) {
    fresh();
    CHECK(heap_alloc(&heap, heap.size + 1) == NULL);
    CHECK(heap_alloc(&heap, SIZE_MAX) == NULL);
    CHECK(heap_alloc(&heap, SIZE_MAX - 7) == NULL);
    void *block = heap_alloc(&heap, 100);
    CHECK(heap_realloc(&heap, block, SIZE_MAX) == NULL);
    CHECK(heap.blocks == 1);
    heap_free(&heap, NULL);
    healthy();
}

static void test_neighbours_are_joined_in_every_order(void) {
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int order = 0; order < 6; order++) {
        fresh();
        void *blocks[3];
        for (int i = 0; i < 3; i++) {
            blocks[i] = heap_alloc(&heap, 1000);
        }
        for (int i = 0; i < 3; i++) {
            heap_free(&heap, blocks[orders[order][i]]);
            healthy();
        }
        CHECK(heap_largest(&heap) == heap.size && heap.blocks == 0);
    }
}

static void test_the_best_fit_is_taken(void) {
    fresh();
    void *holes[3], *walls[3];
    const size_t sizes[3] = {5000, 1200, 3000};
    for (int i = 0; i < 3; i++) {
        holes[i] = heap_alloc(&heap, sizes[i]);
        walls[i] = heap_alloc(&heap, 16);
    }
    for (int i = 0; i < 3; i++) {
        heap_free(&heap, holes[i]);
    }
    CHECK(heap_alloc(&heap, 1100) == holes[1]);
    CHECK(heap_alloc(&heap, 2900) == holes[2]);
    CHECK(heap_alloc(&heap, 4000) == holes[0]);
    CHECK(walls[2] != NULL);
    healthy();
}

static void test_realloc_grows_in_place_moves_and_shrinks(void) {
    fresh();
    unsigned char *first = heap_alloc(&heap, 100);
    memset(first, 7, 100);
    CHECK(heap_realloc(&heap, first, 5000) == first);
    void *wall = heap_alloc(&heap, 16);
    unsigned char *moved = heap_realloc(&heap, first, 6000);
    CHECK(moved != NULL && moved != first && moved[0] == 7 && moved[99] == 7);
    CHECK(heap_realloc(&heap, moved, heap.size) == NULL);
    CHECK(moved[99] == 7);
    CHECK(heap_realloc(&heap, moved, 50) == moved && heap_block_size(moved) < 100);
    heap_free(&heap, moved);
    heap_free(&heap, wall);
    CHECK(heap.free == heap.size && heap.blocks == 0);
    unsigned char *from_nothing = heap_realloc(&heap, NULL, 10);
    CHECK(from_nothing != NULL);
    healthy();
}

static void test_a_second_free_is_found(void) {
    fresh();
    void *front = heap_alloc(&heap, 64), *block = heap_alloc(&heap, 64),
         *wall = heap_alloc(&heap, 64);
    heap_free(&heap, block);
    heap_free(&heap, block);
    CHECK(complaint != NULL && strstr(complaint, "already freed") && complaint_address == block);
    complaint = NULL;
    heap_free(&heap, front); /* merges with the block after it */
    heap_free(&heap, block);
    CHECK(complaint != NULL && complaint_address == block);
    CHECK(wall != NULL && heap.blocks == 1);
    complaint = NULL;
    healthy();
}

static void test_what_is_no_block_is_found(void) {
    fresh();
    char *block = heap_alloc(&heap, 64);
    int elsewhere;
    void *const wrong[] = {block + 1, block + 8, &elsewhere, region + sizeof(region)};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        complaint = NULL;
        heap_free(&heap, wrong[i]);
        CHECK(complaint != NULL && complaint_address == wrong[i]);
    }
    complaint = NULL;
    heap_free(&heap, block);
    healthy();
}

static void test_a_write_past_the_end_is_found(void) {
    fresh();
    unsigned char *block = heap_alloc(&heap, 64), *wall = heap_alloc(&heap, 64);
    block[64] ^= 0x10;
    CHECK(!heap_check(&heap));
    complaint = NULL;
    heap_free(&heap, block);
    CHECK(complaint != NULL && strstr(complaint, "past the end"));
    CHECK(wall != NULL);
}

static void test_a_write_to_a_free_block_is_found(void) {
    fresh();
    unsigned char *block = heap_alloc(&heap, 64), *wall = heap_alloc(&heap, 64);
    heap_free(&heap, block);
    block[-8] ^= 0x80; /* its size */
    CHECK(!heap_check(&heap));
    complaint = NULL;
    CHECK(heap_alloc(&heap, 64) == NULL);
    CHECK(complaint != NULL);
    CHECK(wall != NULL);
}

/* A small generator, so that failures are reproducible. */
static uint32_t state = 1;

static uint32_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

#define SLOTS 64

static struct {
    unsigned char *bytes;
    size_t size;
    unsigned char mark;
} slots[SLOTS];

static void check_mark(int slot, size_t size) {
    for (size_t i = 0; i < size; i++) {
        CHECK(slots[slot].bytes[i] == slots[slot].mark);
    }
}

static void set_mark(int slot, size_t size) {
    slots[slot].size = size;
    slots[slot].mark = next_random();
    memset(slots[slot].bytes, slots[slot].mark, size);
}

static size_t random_size(void) {
    uint32_t kind = next_random() % 10;
    return next_random() % (kind < 6 ? 200u : kind < 9 ? 3000u : 20000u);
}

static void one_random_call(void) {
    int slot = next_random() % SLOTS;
    size_t size = random_size();
    if (slots[slot].bytes == NULL) {
        slots[slot].bytes = heap_alloc(&heap, size);
        if (slots[slot].bytes != NULL) {
            set_mark(slot, size);
        } else {
            CHECK(heap_largest(&heap) < size);
        }
    } else if (next_random() % 3 == 0) {
        unsigned char *moved = heap_realloc(&heap, slots[slot].bytes, size);
        if (moved != NULL) {
            slots[slot].bytes = moved;
            check_mark(slot, size < slots[slot].size ? size : slots[slot].size);
            set_mark(slot, size);
        }
    } else {
        check_mark(slot, slots[slot].size);
        heap_free(&heap, slots[slot].bytes);
        slots[slot].bytes = NULL;
    }
}

static void test_random_calls(void) {
    fresh();
    size_t low_water = heap.free;
    for (int call = 0; call < 200000; call++) {
        one_random_call();
        low_water = heap.free < low_water ? heap.free : low_water;
        CHECK(heap.low_water <= low_water);
        if (call % 64 == 0) {
            healthy();
        }
    }
    for (int slot = 0; slot < SLOTS; slot++) {
        heap_free(&heap, slots[slot].bytes);
    }
    CHECK(heap.free == heap.size && heap.blocks == 0 && heap_largest(&heap) == heap.size);
    healthy();
}

int main(void) {
    test_an_empty_heap_is_one_block();
    test_all_of_it_can_be_had_at_once();
    test_blocks_are_aligned_and_large_enough();
    test_what_cannot_be_had_is_null();
    test_neighbours_are_joined_in_every_order();
    test_the_best_fit_is_taken();
    test_realloc_grows_in_place_moves_and_shrinks();
    test_a_second_free_is_found();
    test_what_is_no_block_is_found();
    test_a_write_past_the_end_is_found();
    test_a_write_to_a_free_block_is_found();
    test_random_calls();
    return 0;
}
