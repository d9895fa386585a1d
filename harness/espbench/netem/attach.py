# SPDX-License-Identifier: MIT
"""Attaches a relay to the network of a running QEMU, by `filter-redirector` objects.

QEMU hands frames over by `filter-redirector` objects (qemu(1), "Generic object creation"), one for
each direction, whose sockets are made here and passed to it over its monitor. So a device that asks
for nothing of this pays nothing for it, and there are no ports and no paths.

The filters are put in at slirp's end (`position=head`): QEMU calls the filters of a netdev in order
for what goes to the guest and in reverse for what comes from it. The `filter-dump` behind them
therefore sees what the guest sees: neither what was lost on the way to it, nor less than it sent.
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
"""As the netdev (slirp) sees it: `tx` is what it sends."""


def attach(
    qmp: Qmp, note: Callable[..., object], *, seed: int = SEED, timeout: float | Deadline = 5.0
) -> Network:
    """Put a relay between slirp and the guest's NIC; return the network, which is whole.

    Args:
        qmp: the monitor of the QEMU.
        note: is told of every change, by keyword.
        seed: for the random numbers.
        timeout: seconds, scaled; or a deadline.

    Raises:
        QmpError: QEMU refused it or did not answer.
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
