/* SPDX-License-Identifier: MIT */
/* MicroPython's settings for the board esp32. */
#include "mpconfig_bench.h"

#define MICROPY_HW_BOARD_NAME "espbench (QEMU)"
#define MICROPY_HW_MCU_NAME "ESP32"
