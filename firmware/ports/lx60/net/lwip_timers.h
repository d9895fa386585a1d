/* SPDX-License-Identifier: MIT */
/* lwIP's timers without allocation. */
#ifndef LX60_NET_LWIP_TIMERS_H
#define LX60_NET_LWIP_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

/* Runs what is due; true when something was. */
bool lwip_timers_run(void);

/* Milliseconds until something is due, UINT32_MAX if nothing ever is. */
uint32_t lwip_timers_wait_ms(void);

#endif
