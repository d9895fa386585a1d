# SPDX-License-Identifier: MIT
"""The TCP connections that a device had, read from the capture of its network; pure functions."""

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
"""How slirp's own MAC addresses begin: who sends from one is no device."""


@dataclass(slots=True)
class Connection:
    """One TCP connection.

    Attributes:
        port: that was connected to: the device's, or the other end's when `outgoing`.
        client: port of the end that opened it.
        opened: when its SYN passed; like `closed` in seconds after the device's start.
        closed: when it was over for both ends; None: it was open to the last.
        ended_by: "client" or "device", who sent the first FIN or reset; "" while it is open.
        reset: whether it was ended by a reset.
        outgoing: whether the device opened it.
    """

    port: int
    client: int
    opened: float
    closed: float | None = None
    ended_by: str = ""
    reset: bool = False
    outgoing: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return what goes into `connections.json`."""
        return asdict(self)


@dataclass(slots=True)
class _Open:
    connection: Connection
    sequence: int
    finished: set[bool]
    """Which ends have sent a FIN."""


def connections(seen: Iterable[Frame], offset: float) -> list[Connection]:
    """Return the connections in the order in which they were opened.

    Args:
        seen: the frames.
        offset: added to a frame's time makes seconds after the device's start.
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
                continue  # sent again
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
    """How long the capture was at one moment of the host's clock."""

    at: float
    size: int


def offset(seen: Iterable[Frame], looks: Iterable[Look]) -> float | None:
    """Return what makes a frame's time one of the host's, or None when nothing tells.

    A frame that was in the file at a look passed before it; the look that came soonest after its
    last frame is the best. QEMU counts a capture's time by the guest's clock.
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
