/* SPDX-License-Identifier: MIT */
/*
 * Mbed TLS's calloc and free: the network heap, with a cache during a handshake step.
 *
 * An ECDHE and ECDSA handshake allocates more than 15000 blocks of a few dozen bytes (the limbs of
 * big numbers), hardly more than a hundred at a time. During a step, freed small blocks are kept
 * and reused; at its end they all go back to the network heap. So each block is allocated from the
 * heap only once: handshakes get faster, the heap does not fragment, and a test can make each
 * allocation fail in turn.
 */
#ifndef ESPBENCH_WEBSERVER_TLS_ALLOCATOR_H
#define ESPBENCH_WEBSERVER_TLS_ALLOCATOR_H

#include <stddef.h>

void *tls_calloc(size_t count, size_t size);
void tls_release(void *block);

void tls_memory_begin_step(void);
void tls_memory_end_step(void);

#endif
