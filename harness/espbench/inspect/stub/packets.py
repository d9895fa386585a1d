# SPDX-License-Identifier: MIT
"""Packets of GDB's Remote Serial Protocol as bytes; pure functions.

Source: "Debugging with GDB", appendix E, https://sourceware.org/gdb/current/onlinedocs/gdb/
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["INTERRUPT", "PacketReader", "StopReply", "decode", "encode", "parse_stop"]

INTERRUPT = b"\x03"
"""Stops a running guest; not a packet."""
_SPECIAL = b"$#}*"
_ESCAPE = 0x7D
_RUN = 0x2A


def encode(payload: bytes) -> bytes:
    """Return a packet with this payload, escaped where needed, with its checksum."""
    if any(byte in _SPECIAL for byte in payload):
        escaped = bytearray()
        for byte in payload:
            escaped += bytes((_ESCAPE, byte ^ 0x20)) if byte in _SPECIAL else bytes((byte,))
        payload = bytes(escaped)
    return b"$%b#%02x" % (payload, sum(payload) & 0xFF)


def decode(body: bytes) -> bytes:
    """Return a payload without escapes and run-length encoding."""
    if _ESCAPE not in body and _RUN not in body:
        return body
    payload = bytearray()
    position = 0
    while position < len(body):
        byte = body[position]
        if byte == _ESCAPE and position + 1 < len(body):
            payload.append(body[position + 1] ^ 0x20)
            position += 2
        elif byte == _RUN and payload and position + 1 < len(body):
            payload += payload[-1:] * (body[position + 1] - 29)
            position += 2
        else:
            payload.append(byte)
            position += 1
    return bytes(payload)


class PacketReader:
    """Splits a stream from the stub into payloads; acknowledgements are skipped."""

    def __init__(self) -> None:
        """Start with an empty stream."""
        self._buffer = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads of the packets that are complete with these bytes.

        Packets with a wrong checksum are dropped: sockets do not damage data, so only the remains
        of an earlier client look like that.
        """
        self._buffer += data
        found: list[bytes] = []
        while True:
            start = self._buffer.find(b"$")
            end = self._buffer.find(b"#", start + 1) if start >= 0 else -1
            if end < 0 or len(self._buffer) < end + 3:
                return found
            body, checksum = self._buffer[start + 1 : end], self._buffer[end + 1 : end + 3]
            self._buffer = self._buffer[end + 3 :]
            if checksum == b"%02x" % (sum(body) & 0xFF):
                found.append(decode(body))


@dataclass(frozen=True)
class StopReply:
    """Why the guest stopped.

    Attributes:
        signal: GDB's number of the signal: 5 (SIGTRAP) for a breakpoint or a step, 2 (SIGINT) for
            an interrupt or a pause.
        thread: the thread (for QEMU, the CPU) that stopped, as the stub writes it; "" if unnamed.
        ended: whether the program exited, which QEMU reports when it ends.
    """

    signal: int
    thread: str = ""
    ended: bool = False


def parse_stop(payload: bytes) -> StopReply | None:
    """Return the stop reply in a payload, or None if it is another packet."""
    kind, text = payload[:1], payload[1:].decode(errors="replace")
    if kind not in (b"T", b"S", b"W", b"X"):
        return None
    try:
        signal = int(text[:2], 16)
    except ValueError:
        return None
    pairs = dict(part.split(":", 1) for part in text[2:].split(";") if ":" in part)
    return StopReply(signal, pairs.get("thread", ""), ended=kind in (b"W", b"X"))
