/* SPDX-License-Identifier: MIT */
/* Block device of the file system: see flash_device.c. */
#ifndef ESP32_FLASH_DEVICE_H
#define ESP32_FLASH_DEVICE_H

#include "py/obj.h"

/* Flash(partition): what vfs takes as a block device, for an esp32.Partition. */
extern const mp_obj_type_t flash_device_type;

#endif
