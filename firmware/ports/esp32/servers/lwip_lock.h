/* SPDX-License-Identifier: MIT */
/* lwIP's core lock: who has it may call lwIP. */
#ifndef ESP32_SERVERS_LWIP_LOCK_H
#define ESP32_SERVERS_LWIP_LOCK_H

#include <stdbool.h>

/* Once, after lwIP's thread has been started. */
bool lwip_lock_init(void);

/* Whether the calling thread has it. */
bool lwip_lock_held(void);

void lwip_lock_take(void);
void lwip_lock_give(void);

#endif
