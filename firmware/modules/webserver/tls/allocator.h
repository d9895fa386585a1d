/* SPDX-License-Identifier: MIT */
/*
 * Mbed TLS's calloc and free: the network heap, with a cache for the time of a handshake step.
 *
 * One ECDHE and ECDSA handshake takes and frees more than 15000 blocks of a few dozen bytes (the
 * limbs of big numbers), hardly more than a hundred of them at a time. While a step runs, freed
 * small blocks are kept and given out again; when it ends they all go back to the network heap. So
 * the heap is asked once for each block that is really needed: handshakes get faster, the heap does
 * not fragment, and a sweep of failing allocations can visit every one of them.
 */
#ifndef ESPBENCH_WEBSERVER_TLS_ALLOCATOR_H
#define ESPBENCH_WEBSERVER_TLS_ALLOCATOR_H

#include <stddef.h>

void *tls_calloc(size_t count, size_t size);
void tls_release(void *block);

void tls_memory_begin_step(void);
void tls_memory_end_step(void);

#endif
