# SPDX-License-Identifier: MIT
"""Tiny firmware for an ESP32-C3: the ROM loads it in place of the bootloader."""

from __future__ import annotations

from tiny_esp32 import loadable, merged

IRAM, TEXT_AT = 0x40380000, 0x3FC88000
CHIP = 5

# The output of binutils for riscv32 for the following:
#   start:  lui   a1, 0x3fc88
#           lui   a0, 0x60000          (UART 0)
#           jal   print
#           lui   a0, 0x60010          (UART 1)
#           jal   print
#           lui   a2, 0x60000
#   more:   lw    a3, 28(a0)           (status; bits 0 to 9: bytes in the receive FIFO)
#           andi  a3, a3, 0x3ff
#           beqz  a3, more
#           lw    a3, 0(a0)
#           sw    a3, 0(a2)            (sends them by UART 0)
#           j     more
#   print:  lbu   a3, 0(a1)
#           addi  a1, a1, 1
#           beqz  a3, done
#   wait:   lw    a4, 28(a0)           (bits 16 to 25: bytes in the transmit FIFO)
#           srli  a4, a4, 16
#           andi  a4, a4, 0x3ff
#           addi  a4, a4, -64
#           bgez  a4, wait
#           sw    a3, 0(a0)
#           j     print
#   done:   ret
CODE = bytes.fromhex(
    "b785c83f37050060ef00800237050160ef000002370600608326c50193f6f63fe38c06fe"
    "832605002320d6006ff0dffe83c6050093851500638006020327c501135707011377f73f"
    "130707fce35807fe2320d5006ff0dffd67800000"
)


def tiny_esp32c3(text: bytes, record: bytes = b"") -> bytes:
    """Return a merged binary for `esp32c3` that prints a text on UART 0 and a record on UART 1."""
    texts = (text + b"\0" + record + b"\0").ljust(0x400, b"\0")
    return merged(loadable({IRAM: CODE, TEXT_AT: texts}, IRAM, CHIP))
