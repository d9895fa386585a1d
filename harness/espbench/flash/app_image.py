# SPDX-License-Identifier: MIT
"""Checks whether an application image is intact, as ESP-IDF's bootloader does, and repairs it.

Source: ESP-IDF's components/bootloader_support/src/esp_image_format.c, and "Firmware Image Format"
in esptool's documentation.
"""

from __future__ import annotations

import functools
import hashlib
import operator
import struct

from espbench.errors import ImageError

MAGIC = 0xE9
CHIPS = {
    0: "esp32", 2: "esp32s2", 5: "esp32c3", 9: "esp32s3", 12: "esp32c2", 13: "esp32c6",
    16: "esp32h2", 18: "esp32p4", 20: "esp32c61", 23: "esp32c5", 25: "esp32h21", 28: "esp32h4",
}  # fmt: skip
"""By `esp_chip_id_t` (components/bootloader_support/include/esp_app_format.h)."""
CHIP_AT = 12
"""Offset of `chip_id` in `esp_image_header_t` (the same file)."""
BOOTLOADERS = (0, 0x1000)
"""Offsets of the bootloader in a merged image: that of later chips, and the ESP32's."""
_HEADER = struct.Struct("<BBBBI 15x B")
_SEGMENT = struct.Struct("<II")
_SEED = 0xEF
"""Initial value of the checksum."""
_DESCRIPTION = b"\x32\x54\xcd\xab"
"""ESP_APP_DESC_MAGIC_WORD"""
DESCRIPTION_AT = _HEADER.size + _SEGMENT.size
"""Offset of `esp_app_desc_t` in an application."""
_ELF_SHA256 = 144
"""Offset of `app_elf_sha256` in `esp_app_desc_t`."""
_ALIGNED = 16
"""The checksum is the last byte of a block of this size."""


def chip_of(image: bytes) -> str:
    """Return the chip that a merged image is for, such as "esp32"; "" if it is not an image.

    Args:
        image: at least its first 0x1018 bytes.
    """
    for start in BOOTLOADERS:
        if image[start : start + 1] == bytes((MAGIC,)) and len(image) >= start + CHIP_AT + 2:
            (chip,) = struct.unpack_from("<H", image, start + CHIP_AT)
            return CHIPS.get(chip, f"with the ID {chip}")
    return ""


def segments(image: bytes) -> list[tuple[int, bytes]]:
    """Return the segments of an application: load address and content.

    Args:
        image: data from the first byte of the application on.

    Raises:
        ImageError: it is not an application, or it is truncated.
    """
    try:
        magic, count = _HEADER.unpack_from(image)[:2]
        found, position = [], _HEADER.size
        for _ in range(count if magic == MAGIC else 0):
            address, length = _SEGMENT.unpack_from(image, position)
            position += _SEGMENT.size
            found.append((address, image[position : position + length]))
            position += length
    except struct.error:
        found = []
    if not found or position > len(image):
        raise ImageError(
            "The image does not contain a complete application: copy or build it again."
        )
    return found


def is_application(image: bytes) -> bool:
    """Return whether data begins with an application, not with a bootloader, by its description."""
    start = DESCRIPTION_AT
    return image[:1] == bytes((MAGIC,)) and image[start : start + 4] == _DESCRIPTION


def elf_sha256(image: bytes) -> bytes:
    """Return the SHA-256 of the application's ELF file from its description; b"" if unknown.

    `esp_app_desc_t` (components/esp_app_format/include/esp_app_desc.h) begins the first segment.
    """
    start = DESCRIPTION_AT
    described = image[start : start + 4] == _DESCRIPTION
    digest = image[start + _ELF_SHA256 : start + _ELF_SHA256 + 32]
    return digest if described and digest.strip(b"\0") else b""


def size(image: bytes) -> tuple[int, bool]:
    """Return the bytes that a bootloader or an application needs by its headers.

    The second value is False if one of the headers is cut, so that it needs still more.

    Args:
        image: data from its first byte on.
    """
    if len(image) < _HEADER.size:
        return _HEADER.size, False
    _, count, _, _, _, hashed = _HEADER.unpack_from(image)
    position = _HEADER.size
    for _ in range(count):
        if len(image) < position + _SEGMENT.size:
            return position + _SEGMENT.size, False
        _, length = _SEGMENT.unpack_from(image, position)
        position += _SEGMENT.size + length
    end = position // _ALIGNED * _ALIGNED + _ALIGNED
    return end + (hashlib.sha256().digest_size if hashed else 0), True


def flaw(image: bytes) -> str:
    """Return what is wrong with an application, completing "it ..."; "" if it is intact.

    Args:
        image: data from the first byte of the application to the end of its partition or of the
            file; must not be empty.
    """
    if image[0] != MAGIC:
        return f"does not begin with {MAGIC:#x}"
    needed, whole = size(image)
    if not whole or len(image) < needed:
        return "is truncated"
    hashed, end = _hashed(image, needed)
    if hashed:
        digest = hashlib.sha256(image[:end]).digest()
        right = image[end : end + len(digest)] == digest
    else:
        right = _checksum(image) == image[end - 1]
    return "" if right else "is damaged: its checksum does not match"


def with_checksums(image: bytes) -> bytes:
    """Return an application with the checksum and the SHA-256 that match its segments.

    Args:
        image: an application that was intact before its segments changed, and what follows it.
    """
    hashed, end = _hashed(image, size(image)[0])
    made = bytearray(image)
    made[end - 1] = _checksum(image)
    if hashed:
        digest = hashlib.sha256(made[:end]).digest()
        made[end : end + len(digest)] = digest
    return bytes(made)


def _hashed(image: bytes, needed: int) -> tuple[bool, int]:
    """Return whether a SHA-256 follows the checksum, and the offset behind the checksum."""
    hashed = bool(_HEADER.unpack_from(image)[-1])
    return hashed, needed - (hashlib.sha256().digest_size if hashed else 0)


def _checksum(image: bytes) -> int:
    content = b"".join(piece for _, piece in segments(image))
    return functools.reduce(operator.xor, content, _SEED)
