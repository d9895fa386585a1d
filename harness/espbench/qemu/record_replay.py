# SPDX-License-Identifier: MIT
"""QEMU's own record and replay: its arguments, and the wires that it asks for.

Under `-icount` the guest's clock goes by instructions, and QEMU writes into a log what came from
outside and at which instruction: frames for the NIC, bytes for the UARTs, resets. A replay takes
them from the log, so that it needs no clients and the guest does the same, bit for bit.

What was needed on top, each found by a replay that hung or differed:

- A clock that ticks (`TICK_US`). QEMU puts what has come into the log when one of the guest's
  timers is due. A guest that computes sets none for seconds, and one that sleeps is replayed
  faster with ticks than without. The ticks are those of a `filter-buffer` on a network of its own,
  to which nothing is connected: the guest does not notice.
- A console that never makes QEMU wait. A Unix socket is full after 278 writes of one byte, and
  when QEMU then writes the rest is not in the log. TCP merges such writes.
- Input no faster than the guest takes it; see `paced`.
- The same `filter-dump`, because it asks for the time of day when it is made, and that is logged.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from espbench.boards.boot_media import option_value

TICK_US = 1000
"""Microseconds of the guest's time. Four seconds of a guest that mostly slept are replayed in 6.5 s
with 1000, in 5.7 s with 300 (and twice the log), in 17 s with 4000."""
WRITE_ERROR = "replay write error"
"""What QEMU says when its log could not be written."""

REPEATED = (
    *("query-", "human-monitor-command", "qmp_capabilities", "quit", "system_reset"),
    *("getfd", "closefd", "chardev-", "object-"),  # what breaks the network, in front of the log
)
"""Monitor commands (or how they begin) that change nothing, or whose effects are in the log."""


@dataclass(frozen=True)
class Recording:
    """That QEMU records into a log, or replays it.

    Attributes:
        mode: what it does.
        log: QEMU's file.
        shift: an instruction takes 2**shift ns of the guest's clock.
    """

    mode: Literal["record", "replay"]
    log: Path
    shift: int

    def arguments(self, netdev: str) -> list[str]:
        """Return QEMU's arguments; they go behind all others that concern `netdev`."""
        log = option_value(self.log)
        return [
            *("-icount", f"shift={self.shift},rr={self.mode},rrfile={log}"),
            *("-netdev", "hubport,id=tick,hubid=1"),
            *("-object", f"filter-buffer,id=ticks,netdev=tick,interval={TICK_US}"),
            *("-object", f"filter-replay,id=replay,netdev={netdev}"),
        ]


def stream_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected TCP sockets, which take single bytes as `socket.socketpair` does not."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        ours = socket.create_connection(server.getsockname())
        while True:
            theirs, peer = server.accept()
            if peer == ours.getsockname():
                return ours, theirs
            theirs.close()  # somebody else's, who connects to ports at random


def is_repeated(command: str) -> bool:
    """Return whether a replay repeats what this monitor command does, if anything."""
    return command.startswith(REPEATED)
