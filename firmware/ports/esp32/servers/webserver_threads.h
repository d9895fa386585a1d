/* SPDX-License-Identifier: MIT */
/*
 * The threads of an ESP32 and their locks:
 *  - MicroPython's threads (including those of module _thread) hold the GIL while they run;
 *  - the network task holds the GIL too, while it serves connections: it is the "network context"
 *    of transport.h. It runs on MicroPython's core at a higher priority, so that it gets the GIL as
 *    soon as MicroPython releases it, which the VM does every 32 jumps;
 *  - lwIP's thread holds lwIP's core lock; our callbacks in it only record what happened.
 *
 * A thread that needs both locks takes the GIL first.
 */
#ifndef ESP32_SERVERS_WEBSERVER_THREADS_H
#define ESP32_SERVERS_WEBSERVER_THREADS_H

#include <stdbool.h>

/* Holds lwIP's core lock until the end of the block; does nothing if the thread has it already. */
typedef struct {
    bool taken;
} network_scope_t;
network_scope_t network_scope_begin(void);
void network_scope_end(const network_scope_t *scope);
#define NETWORK_LOCKED                                                                             \
    network_scope_t network_scope __attribute__((cleanup(network_scope_end), unused)) =            \
        network_scope_begin()

bool network_start(void);
void network_wake(void);
void network_pause(void);
void network_resume(void);
const void *network_thread(void);

/* Makes lwIP's thread check its timers again, after another thread has set one. */
void network_timers_set(void);

#endif
