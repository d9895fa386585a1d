# SPDX-License-Identifier: MIT
"""Parses the output of QEMU's `info usernet`: which host port is forwarded to which guest port."""

from __future__ import annotations

import re
from dataclasses import dataclass

_LINE = re.compile(
    r"^\s*(?P<protocol>TCP|UDP)\[HOST_FORWARD\]\s+(?P<fd>-?\d+)\s+(?P<host>\S+)\s+(?P<host_port>\d+)"
    r"\s+(?P<guest>\S+)\s+(?P<guest_port>\d+)\s"
)


@dataclass(frozen=True, slots=True)
class Forward:
    """One forwarded port."""

    protocol: str
    host: str
    host_port: int
    guest: str
    guest_port: int


def parse_forwards(text: str) -> list[Forward]:
    """Return the forwarded ports in `text`, sorted by guest port, then host port.

    The text also lists connections (`TCP[ESTABLISHED]`), which are ignored. The format is that of
    libslirp's `slirp_connection_info`.
    """
    found = [
        Forward(
            protocol=match["protocol"].lower(),
            host=match["host"],
            host_port=int(match["host_port"]),
            guest=match["guest"],
            guest_port=int(match["guest_port"]),
        )
        for line in text.splitlines()
        if (match := _LINE.match(line + " "))
    ]
    return sorted(found, key=lambda forward: (forward.guest_port, forward.host_port))
