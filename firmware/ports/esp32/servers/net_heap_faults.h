/* SPDX-License-Identifier: MIT */
/* For a board that counts the network's allocations or makes them fail; not needed otherwise. */
#ifndef ESP32_SERVERS_NET_HEAP_FAULTS_H
#define ESP32_SERVERS_NET_HEAP_FAULTS_H

#include <stdbool.h>

/* Calls `must_fail` before each allocation, which fails if the result is true. */
void net_heap_inject(bool (*must_fail)(void));
bool net_heap_must_fail(void);

/* Count a block of another allocator, or a failure if it is NULL. */
void *net_heap_counted(void *block);
void net_heap_uncounted(const void *block);

#endif
