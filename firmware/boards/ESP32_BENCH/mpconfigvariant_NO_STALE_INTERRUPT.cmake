# SPDX-License-Identifier: MIT
# To find out whether QEMU still needs stale_interrupt.c.
set(ESPBENCH_WITHOUT stale_interrupt)
