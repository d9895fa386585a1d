# SPDX-License-Identifier: MIT
"""Errors of the gdb stub's client; `espbench.errors` shows where they are in the hierarchy."""

from __future__ import annotations

from espbench.errors import InspectError

__all__ = [
    "GuestRestarted",
    "StubBusy",
    "StubClosed",
    "StubError",
    "StubRefused",
    "StubTimeout",
]


class StubError(InspectError):
    """QEMU's gdb stub cannot do what was asked."""


class StubBusy(StubError):
    """A debugger is already attached to QEMU's gdb stub."""


class StubClosed(StubError):
    """The connection to the stub ended, because QEMU ended or the client detached."""


class StubTimeout(StubError):
    """The stub or the guest did not respond in time."""


class StubRefused(StubError):
    """The stub answered a packet with an error."""


class GuestRestarted(StubError):
    """The guest restarted while it was waited for."""
