/* SPDX-License-Identifier: MIT */
/* lwIP's timers without allocation. */
#ifndef LX60_NET_LWIP_TIMERS_H
#define LX60_NET_LWIP_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

/* Runs the timers that are due; true when there was one. */
bool lwip_timers_run(void);

/* Milliseconds until a timer is due, UINT32_MAX if none is running. */
uint32_t lwip_timers_wait_ms(void);

#endif
