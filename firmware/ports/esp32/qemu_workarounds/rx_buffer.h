/* SPDX-License-Identifier: MIT */
/* A static buffer for the frames that ESP-IDF's open_eth driver receives. */
#ifndef ESP32_QEMU_WORKAROUNDS_RX_BUFFER_H
#define ESP32_QEMU_WORKAROUNDS_RX_BUFFER_H

#include <stdbool.h>

/* Lets the task of ESP-IDF's open_eth driver receive without the heap; false: no such task. */
bool rx_buffer_find_driver(void);

#endif
