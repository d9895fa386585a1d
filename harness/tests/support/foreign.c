/* SPDX-License-Identifier: MIT */
// Third-party firmware for the XTFPGA boards without an MMU, independent of espbench.
//
//     xtensa-lx106-elf-gcc -mlongcalls -mtext-section-literals -Os -ffreestanding -nostdlib \
//         -Wl,-Ttext=0x60000000 foreign.c -o foreign.elf

#define UART ((volatile unsigned *)0x9d050020)
#define STATUS 5
#define READY_FOR_A_BYTE 0x20

__asm__(".section .text.first, \"ax\"\n"
        ".literal_position\n"
        ".global _start\n"
        "_start:\n"
        "    movi a1, stack + 4096\n"
        "    movi a0, main\n"
        "    jx a0\n");

unsigned stack[1024];
unsigned boots = 1;

#ifndef EXTRA
#define EXTRA 16
#endif
const char table[EXTRA] = {1};

static void print(const char *text) {
    for (; *text; text++) {
        while (!(UART[STATUS] & READY_FOR_A_BYTE)) {
        }
        UART[0] = (unsigned char)*text;
    }
}

void main(void) {
    print("A firmware of our own\r\n");
    print(table[0] && boots ? "server up\r\n" : "");
    for (;;) {
        __asm__ volatile("waiti 0");
    }
}
