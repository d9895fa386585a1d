# SPDX-License-Identifier: MIT
"""Attaches a relay to the network of a running QEMU with `filter-redirector` objects.

There is one `filter-redirector` (qemu(1), "Generic object creation") per direction. Its sockets are
created here and passed to QEMU over the monitor, so they need no ports and no paths, and a device
that does not use the relay is not affected.

The filters are inserted at slirp's end (`position=head`): QEMU calls the filters of a netdev in
order for frames to the guest, and in reverse order for frames from it. The `filter-dump` behind
them therefore sees the same as the guest: no frames that were lost on the way to it, and all frames
that it sent.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from espbench.netem.link import Direction, Lane
from espbench.netem.network import SEED, Network
from espbench.netem.relay import Relay, Wire
from espbench.qemu.qmp import Qmp
from espbench.util.timeouts import Deadline

__all__ = ["attach"]

NETDEV = "net0"
_QUEUES = {Direction.TO_GUEST: "tx", Direction.TO_CLIENT: "rx"}
"""From the point of view of the netdev (slirp): `tx` is sent by it."""


def attach(
    qmp: Qmp, note: Callable[..., object], *, seed: int = SEED, timeout: float | Deadline = 5.0
) -> Network:
    """Insert a relay between slirp and the guest's NIC; return its network, without impairments.

    Args:
        qmp: QEMU's monitor.
        note: called with every change, by keyword.
        seed: seed of the random numbers.
        timeout: seconds, scaled; or a deadline.

    Raises:
        QmpError: QEMU refused a command or did not respond.
    """
    deadline = Deadline.of(timeout)
    lanes = {direction: Lane(direction, seed) for direction in Direction}
    with contextlib.ExitStack() as undo:
        wires = []
        for direction, lane in lanes.items():
            source, sink = (
                undo.enter_context(_chardev(qmp, f"{direction.value}_{end}", deadline))
                for end in ("out", "in")
            )
            wires.append(Wire(lane, source, sink))
        relay = Relay(wires)
        undo.pop_all()
        undo.callback(relay.close)
        for direction in Direction:
            qmp.execute(
                "object-add",
                deadline=deadline,
                qom_type="filter-redirector",
                id=f"network_{direction.value}",
                netdev=NETDEV,
                queue=_QUEUES[direction],
                outdev=f"{direction.value}_out",
                indev=f"{direction.value}_in",
                position="head",
            )
        undo.pop_all()
    return Network(relay, lanes, seed, note)


def _chardev(qmp: Qmp, name: str, deadline: Deadline) -> socket.socket:
    """Give QEMU one end of a new connection as a chardev; return the other end."""
    mine, theirs = socket.socketpair()
    try:
        with theirs:
            qmp.execute("getfd", deadline=deadline, pass_fd=theirs.fileno(), fdname=name)
        address = {"type": "fd", "data": {"str": name}}
        qmp.execute(
            "chardev-add",
            deadline=deadline,
            id=name,
            backend={"type": "socket", "data": {"addr": address, "server": False}},
        )
    except BaseException:
        mine.close()
        raise
    return mine
