# SPDX-License-Identifier: MIT
"""How QEMU's `filter-redirector` sends frames through a socket: a length of four bytes, a frame."""

from __future__ import annotations

__all__ = ["Unframer", "encode"]

_HEADER = 4


def encode(frame: bytes) -> bytes:
    """Return a frame with its length in front."""
    return len(frame).to_bytes(_HEADER, "big") + frame


class Unframer:
    """Takes frames out of a stream that comes in pieces."""

    def __init__(self) -> None:
        """Begin at a border of frames."""
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that are complete with this piece."""
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
