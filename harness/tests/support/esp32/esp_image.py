# SPDX-License-Identifier: MIT
"""Patch an ESP32 application image so that the bootloader still accepts it."""

from __future__ import annotations

import hashlib
import struct

HEADER, HASH_FLAG = 24, 23


def replaced(app: bytes, old: bytes, new: bytes) -> bytes:
    """Return the image with `old`, which occurs once, replaced by `new` of the same length."""
    assert len(old) == len(new)
    assert app.count(old) == 1
    return sealed(app.replace(old, new))


def sealed(app: bytes) -> bytes:
    """Return the image with a valid checksum and hash."""
    image = bytearray(app)
    position, checksum = HEADER, 0xEF
    for _ in range(image[1]):
        (length,) = struct.unpack_from("<I", image, position + 4)
        position += 8
        for byte in image[position : position + length]:
            checksum ^= byte
        position += length
    position |= 15  # the checksum ends a block of 16
    image[position] = checksum
    if image[HASH_FLAG]:
        end = position + 1
        image[end : end + 32] = hashlib.sha256(image[:end]).digest()
    return bytes(image)
