# SPDX-License-Identifier: MIT
"""A device's connections are found in the capture of its network."""

from __future__ import annotations

import struct

from espbench.netem.connections import Look, connections, offset
from espbench.netem.pcap import Frame, frames

SLIRP, DEVICE = bytes.fromhex("52550a000202"), bytes.fromhex("525400123456")
FIN, SYN, RST, ACK = 1, 2, 4, 16


def segment(source: int, target: int, flags: int, sequence: int = 1, *, device: bool) -> bytes:
    """Return a TCP segment in a frame, from the device or to it."""
    ends = SLIRP + DEVICE if device else DEVICE + SLIRP
    ip = bytes([0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]) + bytes(8)
    tcp = struct.pack("!HHIIBBHHH", source, target, sequence, 0, 0x50, flags, 8192, 0, 0)
    return ends + b"\x08\x00" + ip + tcp


def seen(*items: tuple[float, bytes]) -> list[Frame]:
    """Return frames at these times, each a hundred bytes later in the file."""
    return [Frame(100 * number, at, data) for number, (at, data) in enumerate(items, 1)]


def client(at: float, flags: int, port: int = 50000, sequence: int = 1) -> tuple[float, bytes]:
    """Return a segment from an HTTPS client."""
    return at, segment(port, 443, flags, sequence, device=False)


def answer(at: float, flags: int, port: int = 50000) -> tuple[float, bytes]:
    """Return a segment from the device."""
    return at, segment(443, port, flags, device=True)


def test_closed_by_both() -> None:
    """A connection ends with the second FIN; the first FIN determines who ended it."""
    items = seen(
        client(1, SYN),
        client(1.5, SYN),
        answer(2, SYN | ACK),
        answer(3, FIN | ACK),
        client(4, FIN | ACK),
        client(5, RST),
    )
    (found,) = connections(items, 10)
    assert (found.port, found.client, found.opened, found.closed) == (443, 50000, 11, 14)
    assert (found.ended_by, found.reset, found.outgoing) == ("device", False, False)


def test_reset_and_open() -> None:
    """A reset ends a connection at once; a single FIN leaves it open."""
    items = seen(client(1, SYN), client(2, SYN, 50001), client(3, RST), client(4, FIN, 50001))
    one, two = connections(items, 0)
    assert (one.closed, one.reset, one.ended_by) == (3, True, "client")
    assert (two.closed, two.ended_by) == (None, "client")


def test_port_used_again() -> None:
    """The same ports are a new connection after an end, or with another initial sequence number."""
    items = seen(client(1, SYN), client(2, RST), client(3, SYN), client(4, SYN, sequence=9))
    assert [it.opened for it in connections(items, 0)] == [1, 3, 4]


def test_outgoing() -> None:
    """Connections that the device opens are marked as outgoing."""
    (found,) = connections(seen((1, segment(49152, 1883, SYN, device=True))), 0)
    assert (found.port, found.outgoing) == (1883, True)


def test_other_frames() -> None:
    """Frames that are truncated or not TCP are ignored."""
    short = segment(50000, 443, SYN, device=False)[:40]
    assert connections(seen((1, b""), (1, bytes(60)), (1, short)), 0) == []


def test_file() -> None:
    """A capture that is still being written ends with its last complete frame."""
    header = bytes(24)
    packet = struct.pack("<IIII", 5, 250_000, 3, 3) + b"abc"
    assert list(frames(header + packet + packet[:10])) == [Frame(43, 5.25, b"abc")]
    assert list(frames(b"")) == []


def test_offset() -> None:
    """The look that came soonest after a frame gives the offset between the clocks."""
    items = [Frame(100, 50.0, b""), Frame(200, 51.0, b""), Frame(300, 52.0, b"")]
    assert offset(items, [Look(1.5, 150), Look(2.02, 200), Look(3.4, 300)]) == 2.02 - 51.0
    assert offset(items, [Look(0.1, 24)]) is None
    assert offset([], [Look(1.0, 100)]) is None
