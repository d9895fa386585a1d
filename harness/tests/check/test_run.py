# SPDX-License-Identifier: MIT
"""A whole run: firmware that does not boot or does not serve, several devices, Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from espbench.boards.builtin import LX60
from espbench.boards.readiness import ConsoleReadiness
from espbench.check.check import Check, CheckFailed, NotApplicable, Observation
from espbench.check.plan import Item
from espbench.check.result import Outcome, Result, Severity
from espbench.check.run import run_checks
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.check.target.firmware import Firmware
from espbench.device.device import Device
from espbench.errors import ConfigError, MemoryLeaked
from espbench.reporting.evidence import saver


class Quiet:
    """Remembers what a run reports."""

    def __init__(self) -> None:
        self.servers: Sequence[Server] = ()
        self.ended_ids: list[str] = []

    def found(
        self, servers: Sequence[Server], items: Sequence[Item], boot: float, jobs: int
    ) -> None:
        """Take what the device serves."""
        assert boot > 0
        assert len(items) >= jobs >= 1
        self.servers = servers

    def began(self, item: Item) -> None:
        """Take the item that begins."""

    def ended(self, item: Item, result: Result) -> None:
        """Take a result."""
        assert item.id == result.id
        self.ended_ids.append(item.id)


def firmware(tiny: Path, ready: str, timeout: float = 5.0) -> Firmware:
    """Return a firmware that prints `ready` and has no network."""
    return Firmware(LX60, tiny, ready=ConsoleReadiness(ready), ready_timeout=timeout)


def test_not_ready(tiny_firmware: Callable[..., Path]) -> None:
    """A firmware that does not become ready fails the check of its boot, with evidence."""
    saved: list[str] = []

    def save(device: Device, name: str) -> Path:
        saved.append(name)
        assert "ready" in device.console.text
        return Path(name)

    run = run_checks(firmware(tiny_firmware(), "never", 1.0), Quiet(), save=save)
    [result] = run.results
    assert (result.id, result.outcome) == ("boot.comes_up", Outcome.FAILED)
    assert "did not print something that matches 'never' within 1 s" in result.findings[0].sentence
    assert "\n" not in result.findings[0].sentence
    assert saved == ["boot.comes_up"]
    assert result.evidence == (Path("boot.comes_up"),)


def test_nothing_listens(tiny_firmware: Callable[..., Path]) -> None:
    """A firmware in which no server was found boots; nothing else applies to it."""
    shown = Quiet()
    run = run_checks(firmware(tiny_firmware(), "ready", 1.0), shown)
    outcomes = {each.id: each.outcome for each in run.results}
    assert outcomes.pop("boot.comes_up") is Outcome.OBSERVED
    assert set(outcomes.values()) == {Outcome.NOT_APPLICABLE}
    assert run.good
    assert run.blind


def one(name: str, function: Callable[..., Observation | None]) -> Check:
    """Return a check that needs no server."""
    return Check(name, "It works.", "RFC", Severity.CONFORMANCE, "", function)


def test_several_devices(tiny_firmware: Callable[..., Path]) -> None:
    """Several devices share the checks; the results keep the order of the plan."""
    devices = set()

    def looks(subject: Subject) -> None:
        devices.add(subject.device.pid)
        assert "ready" in subject.device.console.text

    checks = [one(f"boot.x{number}", looks) for number in range(8)]
    shown = Quiet()
    run = run_checks(firmware(tiny_firmware(), "ready", 1.0), shown, jobs=3, checks=checks)
    assert {each.outcome for each in run.results} == {Outcome.PASSED}
    assert [each.id for each in run.results] == [check.name for check in checks]
    assert sorted(shown.ended_ids) == sorted(check.name for check in checks)
    assert 1 <= len(devices) <= 3


def test_long_checks_begin_early(tiny_firmware: Callable[..., Path]) -> None:
    """One device takes the checks in their order, and another one the longest first."""
    both = threading.Barrier(2)
    began: list[str] = []

    def check(name: str, estimate: float) -> Check:
        def meets(_: Subject) -> None:
            began.append(name)
            both.wait(30)

        return replace(one(name, meets), estimate=estimate)

    checks = [check(f"boot.x{number}", estimate) for number, estimate in enumerate((1, 2, 9, 3))]
    run = run_checks(firmware(tiny_firmware(), "ready", 1.0), Quiet(), jobs=2, checks=checks)
    assert [each.outcome for each in run.results] == [Outcome.PASSED] * 4
    assert set(began[:2]) == {"boot.x0", "boot.x2"}
    assert set(began[2:]) == {"boot.x1", "boot.x3"}


def test_interrupt(tiny_firmware: Callable[..., Path]) -> None:
    """An error of the caller's own, such as Ctrl-C, ends the run and its devices."""
    seen: list[Device] = []

    def looks(subject: Subject) -> None:
        seen.append(subject.device)

    class Interrupting(Quiet):
        def ended(self, item: Item, result: Result) -> None:
            super().ended(item, result)
            raise KeyboardInterrupt

    checks = [one("boot.x", looks), one("boot.y", looks)]
    run = run_checks(firmware(tiny_firmware(), "ready", 1.0), Interrupting(), checks=checks)
    assert isinstance(run.interruption, KeyboardInterrupt)
    assert not run.good
    assert [each.id for each in run.results] == ["boot.x"]
    assert (run.done, run.planned) == (1, 2)
    assert not any(device.running for device in seen)


@pytest.mark.parametrize("further", [False, True])
def test_interrupt_while_a_device_boots(
    further: bool, tiny_firmware: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that boots ends with the run, too: a second one, or a further one of a check."""
    made: list[Device] = []
    booting = threading.Event()
    start = Device.start

    def starts(self: Device, *, wait: bool = True) -> Device:
        made.append(self)
        start(self, wait=wait)
        if len(made) == (3 if further else 2):
            booting.set()
            while self.running:
                threading.Event().wait(0.02)
        return self

    monkeypatch.setattr(Device, "start", starts)

    class Interrupting(Quiet):
        def ended(self, item: Item, result: Result) -> None:  # noqa: ARG002
            raise KeyboardInterrupt

    def quick(_: Subject) -> None:
        assert booting.wait(20)

    def boots(subject: Subject) -> None:
        with subject.booter.booted({}):
            pass

    checks = [one("boot.x", quick), one("boot.y", boots)]
    run = run_checks(firmware(tiny_firmware(), "ready", 1.0), Interrupting(), jobs=2, checks=checks)
    assert run.interruption is not None
    assert len(made) == (3 if further else 2)
    assert not any(device.running for device in made)


def test_interrupt_does_not_wait_for_a_check(tiny_firmware: Callable[..., Path]) -> None:
    """A check that waits for something else than its device does not hold up an interrupted run."""
    waits = threading.Event()
    goes_on = threading.Event()

    class Interrupting(Quiet):
        def ended(self, item: Item, result: Result) -> None:  # noqa: ARG002
            raise KeyboardInterrupt

    def quick(_: Subject) -> None:
        assert waits.wait(20)

    def slow(_: Subject) -> None:
        waits.set()
        assert goes_on.wait(100)

    checks = [one("boot.x", quick), one("boot.y", slow)]
    run = run_checks(firmware(tiny_firmware(), "ready", 1.0), Interrupting(), jobs=2, checks=checks)
    assert run.interruption is not None
    working = [each.name for each in threading.enumerate() if "(work)" in each.name]
    goes_on.set()
    assert working == []


def test_evidence_of_a_repeat_that_passes(tiny_firmware: Callable[..., Path]) -> None:
    """Evidence does not remain when the check that it was saved for passes in the end."""
    folders = tiny_firmware().parent / "evidence"
    attempts = 0

    def unsettled(_: Subject) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise MemoryLeaked("An earlier check's client has not gone yet.")

    def fails(_: Subject) -> None:
        raise CheckFailed("It fails.")

    checks = [one("boot.x", unsettled), one("boot.y", fails)]
    run = run_checks(
        firmware(tiny_firmware(), "ready", 1.0), Quiet(), checks=checks, save=saver(folders)
    )
    assert [each.outcome for each in run.results] == [Outcome.PASSED, Outcome.FAILED]
    assert [each.name for each in sorted(folders.iterdir())] == [".gitignore", "boot.y"]


@pytest.mark.parametrize(
    ("only", "sentence"),
    [
        (
            ["memory.heap"],
            r"^memory\.heap does not apply to this firmware: tiny\.elf has been stripped",
        ),
        (
            ["tls.versions", "http.get"],
            r"^tls\.versions and http\.get do not apply to this firmware: No TLS hands\w+ \w+\. ",
        ),
    ],
)
def test_nothing_applies(
    only: list[str], sentence: str, tiny_firmware: Callable[..., Path]
) -> None:
    """A choice of which nothing applies is an error that says why, once."""
    run = firmware(tiny_firmware(), "ready", 1.0)
    with pytest.raises(ConfigError, match=sentence) as caught:
        run_checks(run, Quiet(), only=only)
    assert str(caught.value).count("No TLS") <= 1


def test_nothing_was_checked(tiny_firmware: Callable[..., Path]) -> None:
    """A run is not good if its checks find out themselves that they do not apply."""

    def refuses(_: Subject) -> None:
        raise NotApplicable("There is nothing to ask.")

    checks = [one("boot.x", refuses)]
    run = run_checks(firmware(tiny_firmware(), "ready", 1.0), Quiet(), checks=checks)
    assert run.empty
    assert not run.good
