# SPDX-License-Identifier: MIT
"""Tiny firmware for an ESP32: the ROM loads it in place of the bootloader."""

from __future__ import annotations

import struct

from espbench.flash.partition_table import TABLE_AT, Partition
from tables import made

IRAM = 0x40080400
TEXT_AT, RECORD_AT = 0x3FFF0018, 0x3FFF0418
ROOM = 0x400
"""Bytes for each of the two texts, including its NUL."""

# The output of binutils-xtensa-lx106 for the following; the literals precede it, at IRAM:
#   start:  l32r   a2, uart0
#           l32r   a3, text
#           call0  print
#           l32r   a2, uart1
#           l32r   a3, record
#           call0  print
#           l32r   a6, again
#           beqz   a6, echo
#           l32r   a2, rtc
#           l32r   a4, reset
#           s32i   a4, a2, 0
#   hang:   j      hang
#   echo:   l32r   a2, uart1         (copies input of UART 1 to UART 0)
#           l32r   a6, uart0
#   more:   l32i   a4, a2, 28        (status; bits 0 to 7: bytes in the receive FIFO)
#           extui  a4, a4, 0, 8
#           beqz   a4, more
#           l32i   a4, a2, 0
#           s32i   a4, a6, 0
#           j      more
#           .align 4
#   print:  l8ui   a4, a3, 0
#           beqz   a4, done
#   wait:   l32i   a5, a2, 28        (bits 16 to 23: bytes in the transmit FIFO)
#           extui  a5, a5, 16, 8
#           bgei   a5, 64, wait
#           s32i   a4, a2, 0
#           addi   a3, a3, 1
#           j      print
#   done:   ret
CODE = bytes.fromhex(
    "21f9ff31faff45030021f7ff31f9ffc5020061f8ff8cb621f8ff41f8ff490206ffff0000"
    "21f1ff61efff48724040741674ff4802490606fcff000000"
    "4203008cd45872505075e6d5f749021b33c6faff0df00000"
)
UARTS = (0x3FF40000, 0x3FF50000)
RTC_CNTL_OPTIONS0, SW_SYS_RST = 0x3FF48000, 1 << 31

APPLICATION_AT = 0x10000
PARTITIONS = (
    Partition("nvs", 1, 2, 0x9000, 0x6000),
    Partition("bootargs", 1, 0x40, 0xF000, 0x1000),
    Partition("factory", 0, 0, APPLICATION_AT, 0x1F0000),
    Partition("vfs", 1, 0x81, 0x200000, 0x200000),
)


def tiny_esp32(text: bytes, record: bytes = b"", *, again: bool = False) -> bytes:
    """Return a merged binary for `esp32`.

    Args:
        text: printed on UART 0.
        record: printed on UART 1 after it.
        again: resets afterwards, forever; otherwise it copies input of UART 1 to UART 0.
    """
    literals = struct.pack("<7I", *UARTS, TEXT_AT, RECORD_AT, again, RTC_CNTL_OPTIONS0, SW_SYS_RST)
    texts = b"".join(part.ljust(ROOM, b"\0") for part in (text, record))
    image = loadable({IRAM: literals + CODE, TEXT_AT: texts}, IRAM + len(literals))
    return merged(b"\xff" * 0x1000 + image)


def loadable(segments: dict[int, bytes], entry: int, chip: int = 0) -> bytes:
    """Return an image for the ROM: esptool's format, with a checksum that ends a block of 16.

    Args:
        segments: by address.
        entry: address of the first instruction.
        chip: ESP-IDF's chip id.
    """
    image = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x20, entry)
    image += struct.pack("<IH", 0xEE, chip).ljust(16, b"\0")
    checksum = 0xEF
    for address, data in segments.items():
        image += struct.pack("<II", address, len(data)) + data
        for byte in data:
            checksum ^= byte
    return image + bytes(15 - len(image) % 16) + bytes([checksum])


def merged(image: bytes) -> bytes:
    """Return a merged binary of the image, a partition table and an erased application."""
    whole = image.ljust(TABLE_AT, b"\xff") + made(PARTITIONS)
    return whole.ljust(APPLICATION_AT + 1, b"\xff")
