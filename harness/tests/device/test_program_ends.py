# SPDX-License-Identifier: MIT
"""A device whose program has ended is not waited for, and the cause comes first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from espbench.boards.builtin import LX60
from espbench.boards.readiness import ConsoleReadiness, HttpReadiness, Readiness
from espbench.check.result import Outcome
from espbench.check.run import run_checks
from espbench.check.target.discovery import wait_for_listeners
from espbench.check.target.firmware import Firmware
from espbench.device import readiness
from espbench.device.console.program import Ending
from espbench.device.device import Device
from espbench.device.readiness import ReadinessMonitor
from espbench.errors import GuestBusy, InspectError, NotInspectable, NotReady
from espbench.inspect.tasks.system import has_own_tasks
from espbench.util.timeouts import Deadline

RAISED = (
    b"Traceback (most recent call last):\r\n"
    b'  File "main.py", line 5, in <module>\r\n'
    b"KeyError: port\r\n>>> "
)
CAUSE = "KeyError: port (main.py, line 5) ended the program, so it did not "
FOREVER = 3600.0


@pytest.mark.parametrize(
    ("ready", "undone"),
    [
        (ConsoleReadiness("^READY"), "print something that matches '^READY'"),
        (HttpReadiness("/"), "answer GET / over http or https"),
    ],
    ids=["console", "http"],
)
def test_the_wait_ends(
    ready: Readiness, undone: str, tiny_firmware: Callable[[bytes], Path]
) -> None:
    """An exception and the prompt end the wait long before its time."""
    device = Device(LX60, tiny_firmware(RAISED), ready=ready, ready_timeout=FOREVER)
    with pytest.raises(NotReady) as caught, device:
        pass
    assert str(caught.value).partition(";")[0] == CAUSE + undone


def test_check(tiny_firmware: Callable[[bytes], Path]) -> None:
    """`espbench check` has one finding, the cause first, and evidence with the console."""
    consoles: list[str] = []

    def save(device: Device, _name: str) -> None:
        consoles.append(device.console.text)

    subject = Firmware(LX60, tiny_firmware(RAISED), ready_timeout=FOREVER)
    [result] = run_checks(subject, Mock(), save=save).results
    assert (result.id, result.outcome) == ("boot.comes_up", Outcome.FAILED)
    assert result.findings[0].sentence == CAUSE + "answer on any port that was tried."
    assert "KeyError" in consoles[0]


def monitor(monkeypatch: pytest.MonkeyPatch, *, goes_on: bool | None, **ending: str) -> Mock:
    """Return a console, whose monitor is `.monitor`; the program ended with no need for silence."""
    found = Ending("It raised", silence=0, **ending)  # type: ignore[arg-type]
    monkeypatch.setattr(readiness, "ending_of", lambda _text: found)
    monkeypatch.setattr(readiness, "UNSEEN", 0)
    console = Mock(text=">>> ")
    console.tail.return_value = "tail"
    console.monitor = ReadinessMonitor(
        "device",
        ConsoleReadiness("x"),
        Mock(),
        console=console,
        control=Mock(),
        boots=Mock(first_text=0),
        goes_on=lambda: goes_on,
    )
    return console


@pytest.mark.parametrize(
    ("goes_on", "exception", "ends"),
    [
        (False, "", True),
        (True, "", False),
        (True, "E", False),
        (None, "E", True),
        (None, "", False),
    ],
    ids=["no task", "a task", "a task, raised", "unknown, raised", "unknown"],
)
def test_tasks(
    goes_on: bool | None, exception: str, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task of the program may still serve; without a look at the tasks, an exception decides."""
    console = monitor(monkeypatch, goes_on=goes_on, exception=exception)
    console.monitor.check_program("serve")  # the first look only begins the silence
    if not ends:
        console.monitor.check_program("serve")
        return
    with pytest.raises(NotReady, match=r"^It raised, so it did not serve; its console ended with:"):
        console.monitor.check_program("serve")


def test_output_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the console shows more, the silence begins again."""
    console = monitor(monkeypatch, goes_on=False)
    for _ in range(3):
        console.text += "I (1) log\n"
        console.monitor.check_program()


def test_listeners() -> None:
    """The wait for listeners asks, until one has been found."""
    device = Mock()
    device.listeners.return_value = []
    device.run.readiness.check_program.side_effect = NotReady("It has ended.", tail="")
    with pytest.raises(NotReady, match=r"^It has ended"):
        wait_for_listeners(device, Deadline(FOREVER))
    device.run.readiness.check_program.assert_called_with("open a listening port")


def tasks(*names: str) -> Mock:
    """Return a look into a guest with these tasks."""
    found = [Mock() for _ in names]
    for task, name in zip(found, names, strict=True):
        task.name = name
    return Mock(tasks=Mock(return_value=found))


def test_own_tasks() -> None:
    """Tasks of ESP-IDF and MicroPython alone start no server; a thread or a server's task may."""
    system = ("mp_task", "tiT", "sys_evt", "emac_rx", "esp_timer", "IDLE")
    assert has_own_tasks(tasks(*system)) is False
    assert has_own_tasks(tasks(*system, "mp_thread")) is True
    assert has_own_tasks(tasks("IDLE0", "ipc0", "httpd")) is True


@pytest.mark.parametrize("error", [NotInspectable("no"), GuestBusy("no"), InspectError("no"), None])
def test_unknown_tasks(error: Exception | None) -> None:
    """Without tasks to read, nobody knows."""
    looked = tasks()
    if error is not None:
        looked.tasks.side_effect = error
    assert has_own_tasks(looked) is None
