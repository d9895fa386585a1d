# SPDX-License-Identifier: MIT
# To find out whether QEMU still needs late_interrupts.c.
set(ESPBENCH_WITHOUT late_interrupts)
