# SPDX-License-Identifier: MIT
"""Client of QEMU's gdb stub: breakpoints in a running guest, and calls of its functions."""

from __future__ import annotations

from espbench.inspect.stub.code import FirmwareCode, Function
from espbench.inspect.stub.errors import (
    GuestRestarted,
    StubBusy,
    StubClosed,
    StubError,
    StubRefused,
    StubTimeout,
)
from espbench.inspect.stub.gdb_stub import GdbStub, Pending
from espbench.inspect.stub.stop import Action, Call, Handler, Return, Skip, Stop

__all__ = [
    "Action",
    "Call",
    "FirmwareCode",
    "Function",
    "GdbStub",
    "GuestRestarted",
    "Handler",
    "Pending",
    "Return",
    "Skip",
    "Stop",
    "StubBusy",
    "StubClosed",
    "StubError",
    "StubRefused",
    "StubTimeout",
]
