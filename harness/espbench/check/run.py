# SPDX-License-Identifier: MIT
"""`run_checks`: finds out what there is to check, and runs it on one device or several."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from espbench.check.check import Check
from espbench.check.engine import Engine, boot_failure
from espbench.check.families import all_checks
from espbench.check.plan import Item, check_names, choose, plan
from espbench.check.result import Outcome, Result
from espbench.check.server import Server
from espbench.check.target.dut import Dut, Save
from espbench.check.target.firmware import Firmware
from espbench.errors import ConfigError, DeviceError, InspectError

__all__ = ["CheckRun", "Progress", "blindness", "run_checks"]


class Progress(Protocol):
    """Receives the progress of a run; several threads call it, one at a time."""

    def found(
        self, servers: Sequence[Server], items: Sequence[Item], boot: float, jobs: int
    ) -> None:
        """Take what the device serves, what will run, the boot's seconds, and the devices."""

    def began(self, item: Item) -> None:
        """Take the item that begins."""

    def ended(self, item: Item, result: Result) -> None:
        """Take its result."""


@dataclass
class CheckRun:
    """A finished run.

    Attributes:
        firmware: what was checked.
        servers: what it serves.
        results: in the order of the plan.
        blind: why the firmware could not be looked into; "" if it could.
    """

    firmware: Firmware
    servers: Sequence[Server] = ()
    results: list[Result] = field(default_factory=list)
    blind: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing failed."""
        return not any(r.outcome in (Outcome.FAILED, Outcome.ERROR) for r in self.results)


def blindness(dut: Dut) -> str:
    """Return why a firmware cannot be looked into, as a sentence; "" if it can."""
    device = dut.device()
    if why := device.inspection.why_not():
        return why
    try:
        device.heaps()
    except InspectError as error:
        return str(error)
    return ""


def run_checks(
    firmware: Firmware,
    progress: Progress,
    *,
    only: Sequence[str] = (),
    jobs: int = 1,
    save: Save | None = None,
    checks: Sequence[Check] | None = None,
) -> CheckRun:
    """Run the checks that apply to a firmware.

    Args:
        firmware: what to check.
        progress: receives the run's progress.
        only: names of checks or families, see `choose`; none: all.
        jobs: how many devices to run at once.
        save: saves the evidence of a failure.
        checks: what to choose from; None for all checks.

    Raises:
        ConfigError: `only` names an unknown check, the image does not fit the board, or the ELF
            file that was named does not fit the image.
        EspbenchError: QEMU is missing, or failed.
    """
    known = all_checks() if checks is None else checks
    check_names(known, only)
    first = Dut(firmware, None, save)
    duts = [first]
    began = time.monotonic()
    try:
        try:
            servers = first.servers
        except DeviceError as error:
            failed = boot_failure(error, first.evidence, time.monotonic() - began)
            return CheckRun(firmware, (), [failed])
        blind = blindness(first)
        if blind and firmware.elf is not None:
            raise ConfigError(blind)  # before minutes of checks, as somebody named that file
        items = plan(known, servers, blind)
        if only:
            items = choose(items, only)
        else:
            items = [item for item in items if not item.check.on_request]
        jobs = max(1, min(jobs, sum(not item.reason for item in items)))
        progress.found(servers, items, first.boot_seconds, jobs)
        duts += [Dut(firmware, servers, save) for _ in range(jobs - 1)]
        results = _run_all(items, duts, progress, save)
    finally:
        for dut in duts:
            dut.close()
    return CheckRun(firmware, servers, results, blind)


class _Waiting:
    """The items that no device has taken.

    One device takes them in the order of the plan, so that results come in an order that a reader
    expects. The others take the longest first, so that all devices end at about the same time.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = list(enumerate(items))
        self._lock = threading.Lock()

    def take(self, *, longest: bool) -> tuple[int, Item] | None:
        """Return an item and its place in the plan; None if there are no more."""
        with self._lock:
            if not self._items:
                return None
            chosen = self._items[0]
            if longest:
                chosen = max(self._items, key=lambda pair: pair[1].estimate)
            self._items.remove(chosen)
            return chosen


def _run_all(
    items: Sequence[Item], duts: Sequence[Dut], progress: Progress, save: Save | None
) -> list[Result]:
    waiting = _Waiting(items)
    results: dict[int, Result] = {}
    faults: list[BaseException] = []
    lock = threading.Lock()
    stop = threading.Event()

    def work(dut: Dut) -> None:
        engine = Engine(dut, save)
        while not stop.is_set():
            taken = waiting.take(longest=dut is not duts[0])
            if taken is None:
                return
            number, item = taken
            try:
                with lock:
                    progress.began(item)
                result = engine.run(item)
                if stop.is_set():
                    return  # its device was ended under it
                with lock:
                    results[number] = result
                    progress.ended(item, result)
            except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
                faults.append(error)
                stop.set()

    threads = [threading.Thread(target=work, args=(dut,), daemon=True) for dut in duts]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)  # so that Ctrl-C arrives
    except BaseException:
        stop.set()
        raise
    if faults:
        raise faults[0]
    return [results[number] for number in sorted(results)]
