/* SPDX-License-Identifier: MIT */
/* For a board that counts or fails the network's allocations; nothing of it is needed otherwise. */
#ifndef ESP32_SERVERS_NET_HEAP_FAULTS_H
#define ESP32_SERVERS_NET_HEAP_FAULTS_H

#include <stdbool.h>

/* Asks this before each allocation: true makes it fail. */
void net_heap_inject(bool (*must_fail)(void));
bool net_heap_must_fail(void);

/* Count a block, or a failure when it is NULL, of somebody else's allocator. */
void *net_heap_counted(void *block);
void net_heap_uncounted(const void *block);

#endif
