/* SPDX-License-Identifier: MIT */
/* Addresses of the XTFPGA peripherals, as QEMU's hw/xtensa/xtfpga.c maps them without an MMU. */
#ifndef LX60_CHIP_REGISTERS_H
#define LX60_CHIP_REGISTERS_H

#define LX60_IO 0x90000000
#define LX60_FPGA (LX60_IO + 0x0d020000)
#define LX60_FPGA_FREQUENCY (LX60_FPGA + 0x04)
#define LX60_FPGA_RESET (LX60_FPGA + 0x10)
#define LX60_FPGA_RESET_KEY 0xdead
#define LX60_UART (LX60_IO + 0x0d050020)
#define LX60_ETHERNET (LX60_IO + 0x0d030000)
#define LX60_FLASH 0x98000000

/* Bits of the INTENABLE and INTERRUPT registers. */
#define LX60_INT_UART (1 << 0)
#define LX60_INT_ETHERNET (1 << 1)
#define LX60_INT_TIMER (1 << 6)
#define LX60_INT_ALL (LX60_INT_UART | LX60_INT_ETHERNET | LX60_INT_TIMER)

/* Indices of the saved registers in panic_frame[]: A0 to A15 come first. */
#define FRAME_PC 16
#define FRAME_PS 17
#define FRAME_SAR 18
#define FRAME_EXCCAUSE 19
#define FRAME_EXCVADDR 20
#define FRAME_WORDS 21

#define EXCCAUSE_LEVEL1_INTERRUPT 4
#define EXCCAUSE_ABORT 64
#define EXCCAUSE_DOUBLE 65

#ifndef __ASSEMBLER__
#include <stdint.h>
static inline uint32_t register_read(uint32_t address) { return *(volatile uint32_t *)address; }
static inline void register_write(uint32_t address, uint32_t value) {
    *(volatile uint32_t *)address = value;
}
#endif

#endif
