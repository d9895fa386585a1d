/* SPDX-License-Identifier: MIT */
/* Host test of module bench's fault injection and ballast. */
#include "bench/ballast.h"
#include "bench/faults.h"
#include "check.h"
#include "heap.h"
#include "webserver/net_heap.h"

static _Alignas(16) unsigned char region[65536];
static heap_t heap;

static void complain(const char *what, const void *address) {
    fprintf(stderr, "%s (%p)\n", what, address);
    exit(1);
}

/* net_heap.h on the lx60 heap, as in ports/lx60/net/net_heap.c */
void *net_heap_take(size_t size) { return heap_alloc(&heap, size); }
void net_heap_give(void *block) { heap_free(&heap, block); }
net_heap_figures_t net_heap_figures(void) {
    return (net_heap_figures_t){heap.size, heap.free, heap.low_water, heap_largest(&heap),
                                heap.blocks};
}

static void fresh(void) { heap_init(&heap, region, sizeof(region), complain); }

static void test_the_nth_allocation_fails_once(void) {
    alloc_faults_arm(3, false);
    CHECK(!alloc_faults_hit() && !alloc_faults_hit() && alloc_faults_hit() && !alloc_faults_hit());
    CHECK(alloc_faults_seen().allocations == 4 && alloc_faults_seen().failed == 1);
}

static void test_or_from_then_on(void) {
    alloc_faults_arm(2, true);
    CHECK(!alloc_faults_hit() && alloc_faults_hit() && alloc_faults_hit() && alloc_faults_hit());
    CHECK(alloc_faults_seen().allocations == 4 && alloc_faults_seen().failed == 3);
}

static void test_zero_switches_off(void) {
    alloc_faults_arm(1, true);
    CHECK(alloc_faults_hit());
    alloc_faults_arm(0, false);
    CHECK(!alloc_faults_hit() && !alloc_faults_hit());
    CHECK(alloc_faults_seen().allocations == 2 && alloc_faults_seen().failed == 0);
}

static void test_ballast_is_a_total(void) {
    fresh();
    CHECK(ballast_set(1000) == 1000 && ballast_held() == 1000);
    CHECK(ballast_set(5000) == 5000 && ballast_set(5000) == 5000);
    CHECK(heap.blocks > 0 && heap.free <= heap.size - 5000);
    CHECK(ballast_set(3000) == 3000);
    CHECK(ballast_set(0) == 0 && heap.free == heap.size && heap.blocks == 0);
}

static void test_ballast_takes_what_there_is(void) {
    fresh();
    void *wall = heap_alloc(&heap, 100);
    void *hole = heap_alloc(&heap, 5000);
    void *wall2 = heap_alloc(&heap, 100);
    heap_free(&heap, hole);
    size_t free_bytes = heap.free;
    CHECK(ballast_set(1 << 30) == free_bytes && heap.free == 0);
    CHECK(ballast_set(0) == 0 && heap.free == free_bytes);
    heap_free(&heap, wall);
    heap_free(&heap, wall2);
    CHECK(heap.free == heap.size && heap_check(&heap));
}

int main(void) {
    test_the_nth_allocation_fails_once();
    test_or_from_then_on();
    test_zero_switches_off();
    test_ballast_is_a_total();
    test_ballast_takes_what_there_is();
    return 0;
}
