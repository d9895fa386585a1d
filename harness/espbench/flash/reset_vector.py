# SPDX-License-Identifier: MIT
"""Code for the LX106 core's reset vector on QEMU's XTFPGA boards: a jump to the kernel's entry.

QEMU 7.2 and 10.0 generate such code themselves (hw/xtensa/xtfpga.c). QEMU 11.1 leaves the reset
vector empty, so that no kernel starts. This code replaces QEMU's in every version.
"""

from __future__ import annotations

import struct

ADDRESS = 0x50000000
"""The core's reset vector, at the start of the board's system ROM."""
TAGS_END = ADDRESS + 0x20000
"""Boot parameter tags end below this address of board lx60."""
TAG_FIRST = 0x00007B0B
"""The first tag: an identifier and no data (Linux, arch/xtensa/include/asm/bootparam.h)."""
TAGS_ALIGNMENT = 256

_JUMP = bytes.fromhex("06 03 00 00")  # j    1f
_CODE = bytes.fromhex(
    "21 fd ff"  #  1:  l32r  a2, TAGS_END
    "31 fd ff"  #      l32r  a3, TAG_FIRST
    "22 d2 ff"  #  2:  addmi a2, a2, -TAGS_ALIGNMENT
    "42 22 00"  #      l32i  a4, a2, 0
    "37 94 f6"  #      bne   a4, a3, 2b
    "01 fb ff"  #      l32r  a0, entry
    "a0 00 00"  #      jx    a0
)
SIZE = len(_JUMP) + 12 + len(_CODE)


def code(entry: int) -> bytes:
    """Return code for the reset vector that jumps to `entry` with a2 = address of the boot tags.

    The code searches for the tags, because QEMU sets a2 only at power-on, but a guest can reset
    itself.
    """
    return _JUMP + struct.pack("<III", TAGS_END, TAG_FIRST, entry) + _CODE
