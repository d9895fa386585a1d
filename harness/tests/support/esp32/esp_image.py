# SPDX-License-Identifier: MIT
"""Changes an ESP32's application image, so that the bootloader still takes it."""

from __future__ import annotations

import hashlib
import struct

HEADER, HASH_FLAG = 24, 23


def replaced(app: bytes, old: bytes, new: bytes) -> bytes:
    """Return the image with `new` in the place of `old`, which is as long, and is there once."""
    assert len(old) == len(new)
    assert app.count(old) == 1
    return sealed(app.replace(old, new))


def sealed(app: bytes) -> bytes:
    """Return the image with the checksum and the hash that fit what is in it."""
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
