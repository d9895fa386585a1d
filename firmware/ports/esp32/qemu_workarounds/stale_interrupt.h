/* SPDX-License-Identifier: MIT */
/* An interrupt of the Ethernet MAC that is pending from before a reset. */
#ifndef ESP32_QEMU_WORKAROUNDS_STALE_INTERRUPT_H
#define ESP32_QEMU_WORKAROUNDS_STALE_INTERRUPT_H

/* Lowers the Ethernet MAC's interrupt line. Call it before the driver allocates its interrupt. */
void stale_interrupt_clear(void);

#endif
