/* SPDX-License-Identifier: MIT */
/* The boot arguments of an ESP32: text in the flash partition "bootargs", up to a NUL or erased
 * bytes. The harness writes it; without the partition, or when it is empty, there are none. */
#ifndef ESP32_BOOT_ARGUMENTS_H
#define ESP32_BOOT_ARGUMENTS_H

void boot_arguments_read(void);

#endif
