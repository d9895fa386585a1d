/* SPDX-License-Identifier: MIT */
/*
 * Entry, exception vectors and stack switching for the LX106 core (call0 ABI).
 *
 * The interrupt handler only records the active lines in board_events and masks them; board_poll()
 * serves and unmasks them. waiti ends on any of them.
 */
#include "registers.h"

    .section .vectors, "ax"
    .align 256
    .global _vectors
_vectors:
    .org 0x10               /* debug */
    j _double_exception
    .org 0x20               /* NMI */
    j _double_exception
    .org 0x30               /* exception with PS.UM = 0 */
    wsr a0, excsave1
    j _exception
    .org 0x50               /* exception with PS.UM = 1 */
    wsr a0, excsave1
    j _exception
    .org 0x70               /* exception inside an exception */
    j _double_exception

    .org 0x80
    .literal_position
    .align 4
_exception:
    movi a0, panic_frame
    s32i a1, a0, 4 * 1
    s32i a2, a0, 4 * 2
    s32i a3, a0, 4 * 3
    rsr a2, exccause
    bnei a2, EXCCAUSE_LEVEL1_INTERRUPT, _fault
    rsr a2, interrupt
    rsr a3, intenable
    and a2, a2, a3
    xor a3, a3, a2
    wsr a3, intenable
    movi a1, board_events
    l32i a3, a1, 0
    or a3, a3, a2
    s32i a3, a1, 0
    rsync
    l32i a1, a0, 4 * 1
    l32i a2, a0, 4 * 2
    l32i a3, a0, 4 * 3
    rsr a0, excsave1
    rfe

    .align 4
_fault:
    s32i a2, a0, 4 * FRAME_EXCCAUSE
_fault_save:
    rsr a1, epc1
_fault_save_pc:
    s32i a1, a0, 4 * FRAME_PC
    rsr a1, excsave1
    s32i a1, a0, 4 * 0
    rsr a1, ps
    s32i a1, a0, 4 * FRAME_PS
    rsr a1, sar
    s32i a1, a0, 4 * FRAME_SAR
    rsr a1, excvaddr
    s32i a1, a0, 4 * FRAME_EXCVADDR
    s32i a4, a0, 4 * 4
    s32i a5, a0, 4 * 5
    s32i a6, a0, 4 * 6
    s32i a7, a0, 4 * 7
    s32i a8, a0, 4 * 8
    s32i a9, a0, 4 * 9
    s32i a10, a0, 4 * 10
    s32i a11, a0, 4 * 11
    s32i a12, a0, 4 * 12
    s32i a13, a0, 4 * 13
    s32i a14, a0, 4 * 14
    s32i a15, a0, 4 * 15
_panic:
    movi a1, 0
    wsr a1, intenable
    movi a1, 0x0f           /* PS: not in an exception, all interrupts masked */
    wsr a1, ps
    rsync
    movi a1, _panic_stack_top
    movi a0, panic_enter
    jx a0

    .align 4
_double_exception:
    wsr a0, excsave1
    movi a0, panic_frame
    s32i a1, a0, 4 * 1
    s32i a2, a0, 4 * 2
    s32i a3, a0, 4 * 3
    movi a2, EXCCAUSE_DOUBLE
    s32i a2, a0, 4 * FRAME_EXCCAUSE
    rsr a1, depc
    j _fault_save_pc

/* void panic_abort(void): panics with the caller's registers, as if the call had faulted. */
    .section .text.panic_abort, "ax"
    .literal_position
    .align 4
    .global panic_abort
    .type panic_abort, @function
panic_abort:
    wsr a0, excsave1
    movi a0, panic_frame
    s32i a1, a0, 4 * 1
    s32i a2, a0, 4 * 2
    s32i a3, a0, 4 * 3
    movi a2, EXCCAUSE_ABORT
    s32i a2, a0, 4 * FRAME_EXCCAUSE
    rsr a1, excsave1
    movi a2, _fault_save_pc
    jx a2
    .size panic_abort, . - panic_abort

/* void board_call_on_stack(void (*function)(void), void *stack_top) */
    .section .text.board_call_on_stack, "ax"
    .align 4
    .global board_call_on_stack
    .type board_call_on_stack, @function
board_call_on_stack:
    addi a1, a1, -16
    s32i a0, a1, 0
    s32i a12, a1, 4
    mov a12, a1
    mov a1, a3
    callx0 a2
    mov a1, a12
    l32i a0, a1, 0
    l32i a12, a1, 4
    addi a1, a1, 16
    ret
    .size board_call_on_stack, . - board_call_on_stack

    .section .text.start, "ax"
    .literal_position
    .align 4
    .global _start
    .type _start, @function
_start:                     /* a2 = boot parameter tags */
    movi a0, 0
    wsr a0, intenable
    wsr a0, ps
    rsync
    movi a3, _vectors
    wsr a3, vecbase
    rsync
    /* Five of the eight 512 MiB regions are unmapped: deny access to them (attribute 15), so that a
     * null pointer is a LoadProhibited as on an ESP32. */
    movi a3, 15
    movi a4, 0x00000000
    wdtlb a3, a4
    witlb a3, a4
    movi a4, 0x20000000
    wdtlb a3, a4
    witlb a3, a4
    movi a4, 0xa0000000
    wdtlb a3, a4
    witlb a3, a4
    movi a4, 0xc0000000
    wdtlb a3, a4
    witlb a3, a4
    movi a4, 0xe0000000
    wdtlb a3, a4
    witlb a3, a4
    dsync
    isync
    movi a1, _main_stack_top
    movi a3, board_main
    callx0 a3
    j .
    .size _start, . - _start
