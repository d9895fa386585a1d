/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "esp_err.h"
#include "esp_heap_caps.h"
#include "esp_timer.h"

#define BLOCK 1024
#define OVERHEAD 16 /* of a block of the heap, at most */

struct block {
    struct block *next;
    char more[BLOCK - sizeof(struct block *)];
};

static struct block *taken;
static esp_timer_handle_t timer;

static void give_back(void *unused) {
    (void)unused;
    while (taken != NULL) {
        struct block *next = taken->next;
        free(taken);
        taken = next;
    }
    printf("memory is back\n");
}

void memory_start(void) {
    const esp_timer_create_args_t args = {.callback = give_back, .name = "memory"};
    ESP_ERROR_CHECK(esp_timer_create(&args, &timer));
}

size_t memory_free(void) { return heap_caps_get_free_size(MALLOC_CAP_8BIT | MALLOC_CAP_INTERNAL); }

void memory_leave(size_t bytes, unsigned ms) {
    struct block *block;
    while (memory_free() > bytes + BLOCK + OVERHEAD && (block = malloc(sizeof(*block))) != NULL) {
        block->next = taken;
        taken = block;
    }
    ESP_ERROR_CHECK(esp_timer_start_once(timer, ms * UINT64_C(1000)));
}
