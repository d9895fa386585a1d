# SPDX-License-Identifier: MIT
"""Finds a device's TCP connections in the capture of its network; pure functions."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from espbench.netem.packets import tcp_begins
from espbench.netem.pcap import Frame

__all__ = ["Connection", "Look", "connections", "offset"]

_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_SLIRP = b"\x52\x55"
"""Prefix of slirp's own MAC addresses: frames from these are not from a device."""


@dataclass(slots=True)
class Connection:
    """One TCP connection.

    Attributes:
        port: destination port: the device's, or the other end's if `outgoing`.
        client: port of the end that opened the connection.
        opened: time of the SYN; like `closed` in seconds since the device's start.
        closed: time at which both ends had closed; None: still open at the end.
        ended_by: "client" or "device", the sender of the first FIN or reset; "" while open.
        reset: whether the connection was reset.
        outgoing: whether the device opened the connection.
    """

    port: int
    client: int
    opened: float
    closed: float | None = None
    ended_by: str = ""
    reset: bool = False
    outgoing: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the connection as an entry of `connections.json`."""
        return asdict(self)


@dataclass(slots=True)
class _Open:
    connection: Connection
    sequence: int
    finished: set[bool]
    """The ends that have sent a FIN: True is the device."""


def connections(seen: Iterable[Frame], offset: float) -> list[Connection]:
    """Return the connections in the order in which they were opened.

    Args:
        seen: the frames.
        offset: difference between seconds since the device's start and a frame's time.
    """
    found: list[Connection] = []
    known: dict[tuple[int, int], _Open] = {}
    for frame in seen:
        data = frame.data
        tcp = tcp_begins(data)
        if not tcp:
            continue
        source, target, sequence = struct.unpack_from("!HHI", data, tcp)
        flags, from_device = data[tcp + 13], data[6:8] != _SLIRP
        at = frame.at + offset
        if flags & _SYN and not flags & _ACK:
            before = known.get((source, target))
            if before and before.sequence == sequence and not before.connection.ended_by:
                continue  # a retransmission
            connection = Connection(target, source, at, outgoing=from_device)
            known[source, target] = _Open(connection, sequence, set())
            found.append(connection)
            continue
        if it := known.get((source, target)) or known.get((target, source)):
            _end(it, flags, from_device=from_device, at=at)
    return found


def _end(it: _Open, flags: int, *, from_device: bool, at: float) -> None:
    connection = it.connection
    if connection.closed is not None or not flags & (_FIN | _RST):
        return
    connection.ended_by = connection.ended_by or ("device" if from_device else "client")
    if flags & _RST:
        connection.closed, connection.reset = at, True
        return
    it.finished.add(from_device)
    if len(it.finished) == 2:
        connection.closed = at


class Look(NamedTuple):
    """Size of the capture file at a time of the host's clock."""

    at: float
    size: int


def offset(seen: Iterable[Frame], looks: Iterable[Look]) -> float | None:
    """Return the offset from a frame's time to the host's clock, or None if it is unknown.

    QEMU stamps frames with the guest's clock. A frame that is in the file at a look was captured
    before it, so the look that came soonest after its last frame gives the best offset.
    """
    best: float | None = None
    rest = iter(sorted(looks, key=lambda look: look.size))
    look = next(rest, None)
    last: Frame | None = None
    for frame in seen:
        while look is not None and look.size < frame.end:
            if last is not None:
                difference = look.at - last.at
                best = difference if best is None else min(best, difference)
            look = next(rest, None)
        last = frame
    while look is not None and last is not None:
        best = look.at - last.at if best is None else min(best, look.at - last.at)
        look = next(rest, None)
    return best
