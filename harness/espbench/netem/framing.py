# SPDX-License-Identifier: MIT
"""Frames on the socket of QEMU's `filter-redirector`: each has a length of four bytes in front."""

from __future__ import annotations

__all__ = ["Unframer", "encode"]

_HEADER = 4


def encode(frame: bytes) -> bytes:
    """Return a frame with its length in front."""
    return len(frame).to_bytes(_HEADER, "big") + frame


class Unframer:
    """Extracts frames from a stream that arrives in pieces."""

    def __init__(self) -> None:
        """Start between two frames."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next piece and return the frames that it completes."""
        self._buffer += data
        frames, at = [], 0
        while len(self._buffer) >= (begin := at + _HEADER):
            end = begin + int.from_bytes(self._buffer[at:begin], "big")
            if len(self._buffer) < end:
                break
            frames.append(bytes(self._buffer[begin:end]))
            at = end
        del self._buffer[:at]
        return frames
