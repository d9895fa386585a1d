/* SPDX-License-Identifier: MIT */
/* The file system's block device: see flash_device.c. */
#ifndef ESP32_FLASH_DEVICE_H
#define ESP32_FLASH_DEVICE_H

#include "py/obj.h"

/* Flash(partition): a block device for vfs, on top of an esp32.Partition. */
extern const mp_obj_type_t flash_device_type;

#endif
