/* SPDX-License-Identifier: MIT */
/* The boot arguments of an ESP32: text in the flash partition "bootargs", up to a NUL or erased
 * bytes, written by the harness. The partition may be missing or empty. */
#ifndef ESP32_BOOT_ARGUMENTS_H
#define ESP32_BOOT_ARGUMENTS_H

void boot_arguments_read(void);

#endif
