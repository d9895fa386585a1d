/* SPDX-License-Identifier: MIT */
/* The second-stage bootloader ran in what is heap now, and the emulator still keeps its
 * translation: as long as it does, each write to one of those pages takes its slow way, and an RSA
 * signature whose numbers lie there takes seconds. Writing over the code makes the emulator forget
 * it. Only the ESP32-C3 has code and heap in the same memory. */
#ifdef __riscv

#include <string.h>

#include "esp_heap_caps.h"

#define CAPS (MALLOC_CAP_DEFAULT | MALLOC_CAP_INTERNAL)
#define BLOCKS 8

/* After the heap is there, before anything of the application's is in it. */
static void __attribute__((constructor)) overwrite_free_memory(void) {
    void *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        size_t size = heap_caps_get_largest_free_block(CAPS);
        blocks[i] = heap_caps_malloc(size, CAPS);
        if (blocks[i] != NULL) {
            memset(blocks[i], 0, size);
        }
    }
    for (int i = 0; i < BLOCKS; i++) {
        heap_caps_free(blocks[i]);
    }
}

#endif
