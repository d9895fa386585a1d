# SPDX-License-Identifier: MIT
"""`FaultMonitor.expects_panic`: what a panic explains, and what it does not."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from espbench.boards.builtin import LX60
from espbench.clients import ClientTimeout, ConnectionEnded
from espbench.device.faults import FaultMonitor
from espbench.device.timeline import Timeline
from espbench.errors import ConfigError, ControlError, MemoryLeaked, Panicked
from espbench.util.timeouts import Deadline

DUMP = """\
Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.
PC      : 0x60000008  PS      : 0x00000030  A0      : 0x60000010  A1      : 0x60fffe00
Backtrace: 0x60000008:0x60fffe00
Rebooting...
"""


class CutOffError(Exception):
    """The error of another library's client, such as `httpx.RemoteProtocolError`."""


@pytest.fixture
def faults() -> FaultMonitor:
    """Return a monitor of a guest whose console prints what the test feeds."""
    console = SimpleNamespace(changed=threading.Condition(), closed=False, check=lambda: None)
    nothing: Any = SimpleNamespace()
    return FaultMonitor(
        "device",
        LX60,
        Path(),
        Path(),
        console=cast("Any", console),
        boots=nothing,
        readiness=nothing,
        timeline=Timeline(),
        ended=lambda: None,
    )


def cut_off(faults: FaultMonitor, error: Exception) -> None:
    """Have the guest panic, and the client raise an error."""
    faults.feed(DUMP)
    raise error


@pytest.mark.parametrize(
    "error",
    [
        ConnectionEnded("The device closed the connection.", reset=False),
        ClientTimeout("The device did not respond."),
        ControlError("The device reset."),
        ConnectionResetError("reset by peer"),
        TimeoutError("timed out"),
        EOFError("too short"),
        CutOffError("cut off"),
    ],
)
def test_end_of_a_connection(faults: FaultMonitor, error: Exception) -> None:
    """A panic explains the error of any client; without one, that error is named as the cause."""
    with faults.expects_panic(Deadline(5)) as panics:
        cut_off(faults, error)
    assert [panic.cause for panic in panics] == ["LoadProhibited"]
    with (
        pytest.raises(ControlError, match=r"^Expected a panic") as caught,
        faults.expects_panic(Deadline(0.01)),
    ):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [
        AssertionError("wrong"),
        MemoryLeaked("wrong"),
        KeyError("wrong"),
        NameError("wrong"),
        FileNotFoundError("wrong"),
        ConfigError("wrong"),
    ],
)
def test_mistake_of_a_test(faults: FaultMonitor, error: Exception) -> None:
    """A failed assertion and a mistake are raised, although the guest panicked."""
    with pytest.raises(type(error), match="wrong"), faults.expects_panic(Deadline(5)):
        cut_off(faults, error)
    assert isinstance(faults.panicked(), Panicked)
