/* SPDX-License-Identifier: MIT */
/* Network and MicroPython are one thread on this board: no locking or waking is needed. */
#ifndef LX60_WEBSERVER_THREADS_H
#define LX60_WEBSERVER_THREADS_H

#define NETWORK_LOCKED ((void)0)
#define network_start() 1
#define network_wake() ((void)0)
#define network_pause() ((void)0)
#define network_resume() ((void)0)
#define network_thread() ((void *)0)
#define network_timers_set() ((void)0)

#endif
