# SPDX-License-Identifier: MIT
"""Checks whether an application image is intact, as ESP-IDF's bootloader does.

Source: ESP-IDF's components/bootloader_support/src/esp_image_format.c, and "Firmware Image Format"
in esptool's documentation.
"""

from __future__ import annotations

import functools
import hashlib
import operator
import struct

MAGIC = 0xE9
_HEADER = struct.Struct("<BBBBI 15x B")
_SEGMENT = struct.Struct("<II")
_SEED = 0xEF
"""Initial value of the checksum."""
_ALIGNED = 16
"""The checksum is the last byte of a block of this size."""


def flaw(image: bytes) -> str:
    """Return what is wrong with an application, completing "it ..."; "" if it is intact.

    Args:
        image: data from the first byte of the application to the end of its partition or of the
            file; must not be empty.
    """
    if image[0] != MAGIC:
        return f"does not begin with {MAGIC:#x}"
    try:
        _, segments, _, _, _, hashed = _HEADER.unpack_from(image)
        position = _HEADER.size
        pieces = []
        for _ in range(segments):
            _, length = _SEGMENT.unpack_from(image, position)
            position += _SEGMENT.size
            pieces.append(image[position : position + length])
            position += length
    except struct.error:
        return "is truncated"
    end = position // _ALIGNED * _ALIGNED + _ALIGNED
    if len(image) < end + (hashlib.sha256().digest_size if hashed else 0):
        return "is truncated"
    if hashed:
        digest = hashlib.sha256(image[:end]).digest()
        right = image[end : end + len(digest)] == digest
    else:
        right = functools.reduce(operator.xor, b"".join(pieces), _SEED) == image[end - 1]
    return "" if right else "is damaged: its checksum does not match"
