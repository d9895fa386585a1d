/* SPDX-License-Identifier: MIT */
/* The network task's interface for the port; that for the modules is webserver_threads.h. */
#ifndef ESP32_SERVERS_NETWORK_TASK_H
#define ESP32_SERVERS_NETWORK_TASK_H

#include <stdbool.h>

/* Starts lwIP and creates the network task, which idles until network_task_release(). True: both
 * exist, perhaps already before. */
bool network_task_start(void);
bool network_task_started(void);

/* For MicroPython's soft resets, which recreate the GIL: keep the task from taking it (call with
 * the GIL), wait until the task no longer waits for it (call without the GIL), and let the task run
 * again. */
void network_task_hold(void);
void network_task_wait(void);
void network_task_release(void);

/* Bytes of its stack never used so far. */
unsigned network_task_stack_low_water(void);

#endif
