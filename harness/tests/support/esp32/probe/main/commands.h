/* SPDX-License-Identifier: MIT */
#pragma once

/** Answer lines from UART0, and never return. */
void commands_run(void);
