# SPDX-License-Identifier: MIT
"""Frames of a pcap as QEMU's `filter-dump` writes it (net/dump.c): little-endian, microseconds."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["FILE_HEADER", "Frame", "frames"]

FILE_HEADER = 24
"""Bytes before the first frame's header."""
_PACKET_HEADER = struct.Struct("<IIII")


class Frame(NamedTuple):
    """A frame of a capture: where it ends in the data, when it passed, and its bytes."""

    end: int
    at: float
    data: bytes


def frames(capture: bytes, at: int = FILE_HEADER) -> Iterator[Frame]:
    """Yield the frames of a capture from a frame's header on, without one that is cut off."""
    while at + _PACKET_HEADER.size <= len(capture):
        seconds, micros, length, _ = _PACKET_HEADER.unpack_from(capture, at)
        begin = at + _PACKET_HEADER.size
        at = begin + length
        if at > len(capture):
            return
        yield Frame(at, seconds + micros / 1e6, capture[begin:at])
