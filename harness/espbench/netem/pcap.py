# SPDX-License-Identifier: MIT
"""Reads pcap files of QEMU's `filter-dump` (net/dump.c): little-endian, in microseconds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["FILE_HEADER", "Frame", "frames"]

FILE_HEADER = 24
"""Offset of the first frame's header."""
_PACKET_HEADER = struct.Struct("<IIII")


class Frame(NamedTuple):
    """A frame of a capture: its end offset in the file, its time in seconds, and its bytes."""

    end: int
    at: float
    data: bytes


def frames(capture: bytes, at: int = FILE_HEADER) -> Iterator[Frame]:
    """Yield the complete frames of a capture, from the frame header at `at` on."""
    while at + _PACKET_HEADER.size <= len(capture):
        seconds, micros, length, _ = _PACKET_HEADER.unpack_from(capture, at)
        begin = at + _PACKET_HEADER.size
        at = begin + length
        if at > len(capture):
            return
        yield Frame(at, seconds + micros / 1e6, capture[begin:at])
