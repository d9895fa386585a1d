/* SPDX-License-Identifier: MIT */
#include "panic.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "control.h"
#include "memory.h"
#include "registers.h"
#include "retained.h"

#define STACK_DUMP_BYTES 4096
#define BACKTRACE_DEPTH 32

/* Filled by start.S. */
uint32_t panic_frame[FRAME_WORDS];

static char reason[160];
static bool panicking;

extern char _text_end, _vectors;

static void print(const char *format, ...) __attribute__((format(__printf__, 1, 2)));

static void print(const char *format, ...) {
    char text[200];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    board_console_write(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
}

/* Names as in ESP-IDF's components/esp_system/port/arch/xtensa/panic_arch.c. */
static const char *cause_name(uint32_t cause) {
    static const char *const names[] = {
        "IllegalInstruction",
        "Syscall",
        "InstructionFetchError",
        "LoadStoreError",
        "Level1Interrupt",
        "Alloca",
        "IntegerDivideByZero",
        "PCValue",
        "Privileged",
        "LoadStoreAlignment",
        "res",
        "res",
        "InstrPDAddrError",
        "LoadStorePIFDataError",
        "InstrPIFAddrError",
        "LoadStorePIFAddrError",
        "InstTLBMiss",
        "InstTLBMultiHit",
        "InstFetchPrivilege",
        "res",
        "InstrFetchProhibited",
        "res",
        "res",
        "res",
        "LoadStoreTLBMiss",
        "LoadStoreTLBMultihit",
        "LoadStorePrivilege",
        "res",
        "LoadProhibited",
        "StoreProhibited",
    };
    if (cause == EXCCAUSE_DOUBLE) {
        return "DoubleException";
    }
    return cause < sizeof(names) / sizeof(names[0]) ? names[cause] : "Unknown";
}

static bool is_code(uint32_t address) {
    return address >= (uint32_t)&_vectors && address < (uint32_t)&_text_end;
}

/* Whether the instruction before this address is a call. (call0: op0 = 5, n = 0; callx0:
 * 0x0000c0) */
static bool follows_call(uint32_t address) {
    if (!is_code(address - 3) || !is_code(address)) {
        return false;
    }
    const uint8_t *instruction = (const uint8_t *)(address - 3);
    return (instruction[0] & 0x3f) == 0x05 ||
           (instruction[0] == 0xc0 && (instruction[1] & 0xf0) == 0 && instruction[2] == 0);
}

static void print_registers(void) {
    static const char names[] = "A0  A1  A2  A3  A4  A5  A6  A7  A8  A9  A10 A11 A12 A13 A14 A15 ";
    print("Core  0 register dump:\n");
    print("PC      : 0x%08x  PS      : 0x%08x  ", (unsigned)panic_frame[FRAME_PC],
          (unsigned)panic_frame[FRAME_PS]);
    for (int i = 0; i < 16; i++) {
        print("%.4s    : 0x%08x  %s", names + 4 * i, (unsigned)panic_frame[i],
              i % 4 == 1 ? "\n" : "");
    }
    print("SAR     : 0x%08x  EXCCAUSE: 0x%08x  EXCVADDR: 0x%08x\n",
          (unsigned)panic_frame[FRAME_SAR], (unsigned)panic_frame[FRAME_EXCCAUSE],
          (unsigned)panic_frame[FRAME_EXCVADDR]);
}

/* An estimate without debug information: every word on the stack that points after a call. The
 * host's unwinder does better with the stack memory dump. */
static void print_backtrace(uint32_t sp, uint32_t top) {
    print("\nBacktrace: 0x%08x:0x%08x", (unsigned)panic_frame[FRAME_PC], (unsigned)sp);
    int depth = 1;
    if (panic_frame[0] != panic_frame[FRAME_PC] && follows_call(panic_frame[0])) {
        print(" 0x%08x:0x%08x", (unsigned)panic_frame[0], (unsigned)sp);
        depth++;
    }
    for (uint32_t at = sp; at < top && depth < BACKTRACE_DEPTH; at += 4) {
        uint32_t word = *(uint32_t *)at;
        if (follows_call(word) && word != panic_frame[0]) {
            print(" 0x%08x:0x%08x", (unsigned)word, (unsigned)at);
            depth++;
        }
    }
    print("\n");
}

static void print_stack(uint32_t sp, uint32_t top) {
    print("\nStack memory:\n");
    if (top - sp > STACK_DUMP_BYTES) {
        top = sp + STACK_DUMP_BYTES;
    }
    for (uint32_t at = sp & ~3u; at < top; at += 32) {
        print("%08x:", (unsigned)at);
        for (uint32_t word = at; word < at + 32 && word < top; word += 4) {
            print(" 0x%08x", (unsigned)*(uint32_t *)word);
        }
        print("\n");
    }
}

/* Called by start.S on the panic stack. */
void panic_enter(void) __attribute__((noreturn));

void panic_enter(void) {
    if (panicking) {
        static const char text[] = "\nPanic inside the panic handler.\nRebooting...\n";
        board_console_write(text, sizeof(text) - 1);
        board_reset(RESET_PANIC);
    }
    panicking = true;
    uint32_t cause = panic_frame[FRAME_EXCCAUSE];
    uint32_t sp = panic_frame[1];
    print("\n");
    if (reason[0] != '\0') {
        print("%s\n\n", reason);
    }
    if (cause == EXCCAUSE_ABORT) {
        print("abort() was called at PC 0x%08x on core 0\n\n", (unsigned)panic_frame[FRAME_PC] - 3);
    } else {
        print("Guru Meditation Error: Core  0 panic'ed (%s). Exception was unhandled.\n\n",
              cause_name(cause));
    }
    print_registers();
    uint32_t top = memory_stack_top(sp);
    if (top == 0) {
        print("\nThe stack pointer is in neither stack: no backtrace.\n");
    } else {
        print_backtrace(sp, top);
        print_stack(sp, top);
    }
    print("\nRebooting...\n");
    control_event("{\"event\":\"panic\"}");
    board_reset(RESET_PANIC);
}

void panic_message(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    panic_abort();
}

void panic_check_stacks(void) {
    const char *name = memory_overrun_stack();
    if (name != NULL && !panicking) {
        panic_message("***ERROR*** A stack overflow in task %s has been detected.", name);
    }
}
