/* SPDX-License-Identifier: MIT */
/* lwIP's core lock: its holder may call lwIP. */
#ifndef ESP32_SERVERS_LWIP_LOCK_H
#define ESP32_SERVERS_LWIP_LOCK_H

#include <stdbool.h>

/* Call once, after lwIP's thread was started. */
bool lwip_lock_init(void);

/* Whether the calling thread holds the lock. */
bool lwip_lock_held(void);

void lwip_lock_take(void);
void lwip_lock_give(void);

#endif
