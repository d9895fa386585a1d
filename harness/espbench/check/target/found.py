# SPDX-License-Identifier: MIT
"""`FoundReadiness`: a device is ready when the servers that are found on it answer.

For firmware about which nothing was configured. It finds servers as `espbench check` does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from espbench.boards.readiness import ReadyTarget
from espbench.check.profile import Profile
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.check.target.discovery import identify_servers
from espbench.device.device import Device
from espbench.device.readiness import ready_if_foreign
from espbench.errors import NotInspectable
from espbench.util.timeouts import Deadline

__all__ = ["FoundReadiness", "find_by_default", "is_own", "url_ports"]

HINT = (
    "if it serves nothing, say when it is ready with --ready-console (pytest: "
    "--espbench-ready-console, Device: ready)"
)


def find_by_default() -> None:
    """Let each device find out what its firmware serves, unless that is espbench's own."""
    ready_if_foreign(FoundReadiness)


def is_own(device: Device) -> bool:
    """Return whether a firmware reports its servers itself, with espbench's module `bench`."""
    if device.control.seen:
        return True
    try:
        return device.inspection.has_bench
    except (NotInspectable, OSError):
        return False


def url_ports(servers: Sequence[Server], named: Mapping[str, int]) -> dict[str, int]:
    """Return the guest's port for each URL scheme; pure.

    Args:
        servers: what was found.
        named: the ports to prefer, by scheme: those that the user named, or the usual ones.
    """
    ports: dict[str, int] = {}
    for server in sorted(servers, key=lambda each: each.port):
        if server.http and (server.scheme not in ports or named.get(server.scheme) == server.port):
            ports[server.scheme] = server.port
    return ports


class FoundReadiness:
    """Waits until the firmware serves something, finds out what, and remembers it."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: tuple[Server, ...] = ()

    def __eq__(self, other: object) -> bool:
        """Return whether another condition is the same, so that a device booted for it fits."""
        return isinstance(other, FoundReadiness)

    def __hash__(self) -> int:
        """Return the same for all."""
        return hash(FoundReadiness)

    def wait(self, device: ReadyTarget, deadline: Deadline) -> bool:
        """Return whether it serves something before the deadline; its URLs lead there then.

        Raises:
            EspbenchError: it panicked, loops, QEMU died, or it serves nothing.
        """
        assert isinstance(device, Device)
        if not is_own(device):
            servers = identify_servers(
                device, Profile(ports=device.board.ports), deadline, self._known
            )
            if not device.control.seen:
                return self._serves(device, servers, deadline)
        return device.board.readiness.wait(device, deadline)

    def _serves(self, device: Device, servers: Sequence[Server], deadline: Deadline) -> bool:
        if not servers or Subject(device, servers).wait_until_served(deadline):
            raise device.run.readiness.not_ready(f"within {deadline}", longer=True, hint=HINT)
        self._known = tuple(servers)
        device.addresses.serve(
            url_ports(servers, device.board.ports), [each.port for each in servers]
        )
        return True

    def describe(self, device: ReadyTarget) -> str:
        """Return the expected event."""
        if isinstance(device, Device) and is_own(device):
            return device.board.readiness.describe(device)
        return "answer on any TCP port"
