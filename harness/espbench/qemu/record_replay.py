# SPDX-License-Identifier: MIT
"""QEMU's record and replay: the arguments for it, and suitable sockets.

With `-icount`, the guest's clock counts instructions, and QEMU logs all input with the instruction
at which it came: frames for the NIC, bytes for the UARTs, resets. A replay takes the input from the
log, so that it needs no clients and the guest does the same, bit for bit.

This also needs the following, each found by a replay that hung or differed:

- A periodic tick (`TICK_US`). QEMU logs pending input when one of the guest's timers expires. A
  guest that computes may set no timer for seconds, and a guest that sleeps is replayed faster with
  ticks than without. The ticks come from a `filter-buffer` on a separate network to which nothing
  is connected, so the guest does not notice them.
- A console that never blocks QEMU. A Unix socket is full after 278 writes of one byte, and the time
  at which QEMU writes the rest is not logged. TCP merges such writes.
- Input no faster than the guest takes it; see `uart_pacing`.
- The same `filter-dump`, because it queries the time of day when it is created, which is logged.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from espbench.boards.boot_media import option_value

TICK_US = 1000
"""Interval of the ticks in microseconds of guest time. Four seconds of a mostly sleeping guest are
replayed in 6.5 s with 1000, in 5.7 s with 300 (with twice the log), in 17 s with 4000."""
WRITE_ERROR = "replay write error"
"""QEMU's message when its log could not be written."""

REPEATED = (
    *("query-", "human-monitor-command", "qmp_capabilities", "quit", "system_reset"),
    *("getfd", "closefd", "chardev-", "object-"),  # network impairment, whose results are logged
)
"""Monitor commands (or their prefixes) that change nothing, or whose effects are in the log."""


@dataclass(frozen=True)
class Recording:
    """QEMU's recording to a log, or replay of a log.

    Attributes:
        mode: whether QEMU records or replays.
        log: file with QEMU's log.
        shift: an instruction takes 2**shift ns of the guest's clock.
    """

    mode: Literal["record", "replay"]
    log: Path
    shift: int

    def arguments(self, netdev: str) -> list[str]:
        """Return QEMU's arguments, which must follow all others that refer to `netdev`."""
        log = option_value(self.log)
        return [
            *("-icount", f"shift={self.shift},rr={self.mode},rrfile={log}"),
            *("-netdev", "hubport,id=tick,hubid=1"),
            *("-object", f"filter-buffer,id=ticks,netdev=tick,interval={TICK_US}"),
            *("-object", f"filter-replay,id=replay,netdev={netdev}"),
        ]


def stream_pair() -> tuple[socket.socket, socket.socket]:
    """Return two connected TCP sockets, which unlike `socket.socketpair` merge small writes."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        ours = socket.create_connection(server.getsockname())
        while True:
            theirs, peer = server.accept()
            if peer == ours.getsockname():
                return ours, theirs
            theirs.close()  # from another process that connects to random ports


def is_repeated(command: str) -> bool:
    """Return whether a replay repeats the effects of this monitor command, if any."""
    return command.startswith(REPEATED)
