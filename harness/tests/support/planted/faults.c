/* SPDX-License-Identifier: MIT */
#include "faults.h"

/* In .data, not .bss: the harness changes it in the file. */
volatile uint32_t planted_fault __attribute__((section(".data"))) = FAULT_NONE;
