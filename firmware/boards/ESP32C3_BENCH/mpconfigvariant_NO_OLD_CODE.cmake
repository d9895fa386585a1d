# SPDX-License-Identifier: MIT
# To find out whether QEMU still needs old_code.c.
set(ESPBENCH_WITHOUT old_code)
