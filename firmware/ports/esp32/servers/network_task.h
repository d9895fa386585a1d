/* SPDX-License-Identifier: MIT */
/* The network task, as the port sees it; what the modules see is in webserver_threads.h. */
#ifndef ESP32_SERVERS_NETWORK_TASK_H
#define ESP32_SERVERS_NETWORK_TASK_H

#include <stdbool.h>

/* Starts lwIP and creates the network task, which does nothing until it is let. True: both are
 * there, since now or before. */
bool network_task_start(void);
bool network_task_started(void);

/* For MicroPython's soft resets, which make the GIL anew: keeps the task from it (called with the
 * GIL), waits until the task is not in its queue either (called without it), and lets it in. */
void network_task_hold(void);
void network_task_wait(void);
void network_task_release(void);

/* Bytes of its stack that were never used. */
unsigned network_task_stack_low_water(void);

#endif
