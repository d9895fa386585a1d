/* SPDX-License-Identifier: MIT */
/* MicroPython's settings for the board esp32s3. */
#include "mpconfig_bench.h"

#define MICROPY_HW_BOARD_NAME "espbench (QEMU)"
#define MICROPY_HW_MCU_NAME "ESP32S3"

/* The console is UART0, as on the ESP32: the emulator has no USB. */
#define MICROPY_HW_ENABLE_USBDEV (0)
#define MICROPY_HW_ESP_USB_SERIAL_JTAG (0)
