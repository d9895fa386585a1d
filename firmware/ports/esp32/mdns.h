/* SPDX-License-Identifier: MIT */
/* Replaces the managed component espressif/mdns, which the bench does not use: MicroPython's port
 * includes the header even when both of its MICROPY_HW_ENABLE_MDNS options are 0. */
#ifndef ESP32_MDNS_H
#define ESP32_MDNS_H
#endif
