/* SPDX-License-Identifier: MIT */
/* MicroPython's settings for the board esp32c3. */
#include "mpconfig_bench.h"

#define MICROPY_HW_BOARD_NAME "espbench (QEMU)"
#define MICROPY_HW_MCU_NAME "ESP32C3"

/* The console is UART0, as on the ESP32: the emulator has no USB. */
#define MICROPY_HW_ESP_USB_SERIAL_JTAG (0)

/* The chip has less memory than an ESP32, but the network gets as much as there. */
#undef MICROPY_GC_INITIAL_HEAP_SIZE
#define MICROPY_GC_INITIAL_HEAP_SIZE (80 * 1024)
