# SPDX-License-Identifier: MIT
"""`run_checks`: finds out what there is to check, and runs it on one device or several."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from espbench.check.check import Check
from espbench.check.engine import GRACE, Engine, boot_failure
from espbench.check.families import all_checks
from espbench.check.plan import Item, check_names, choose, plan
from espbench.check.result import Outcome, Result
from espbench.check.server import Server
from espbench.check.target.dut import Dut, Save
from espbench.check.target.firmware import Firmware
from espbench.errors import ConfigError, DeviceError, InspectError
from espbench.util.timeouts import Deadline

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
        planned: how many checks apply.
        done: how many of these have a result; fewer only if the run was interrupted.
        interruption: what ended the run early, such as Ctrl-C; None if nothing did.
    """

    firmware: Firmware
    servers: Sequence[Server] = ()
    results: list[Result] = field(default_factory=list)
    blind: str = ""
    planned: int = 0
    done: int = 0
    interruption: KeyboardInterrupt | None = None

    @property
    def empty(self) -> bool:
        """Whether no check applied, so that nothing was checked."""
        return bool(self.results) and all(
            each.outcome is Outcome.NOT_APPLICABLE for each in self.results
        )

    @property
    def good(self) -> bool:
        """Whether the run came to its end, something was checked, and nothing failed."""
        failed = any(r.outcome in (Outcome.FAILED, Outcome.ERROR) for r in self.results)
        return not (failed or self.empty or self.interruption)


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

    Returns:
        The run; if it was interrupted, with what was done until then.

    Raises:
        ConfigError: `only` names an unknown check or none that applies, the image does not fit the
            board, or the ELF file that was named does not fit the image.
        EspbenchError: QEMU is missing, or failed.
    """
    known = all_checks() if checks is None else checks
    check_names(known, only)
    run = CheckRun(firmware)
    try:
        _run(run, known, progress, only, jobs, save)
    except KeyboardInterrupt as interruption:
        run.interruption = interruption
    return run


def _run(
    run: CheckRun,
    known: Sequence[Check],
    progress: Progress,
    only: Sequence[str],
    jobs: int,
    save: Save | None,
) -> None:
    """Fill a run; an exception leaves what was done in it."""
    first = Dut(run.firmware, None, save)
    duts = [first]
    began = time.monotonic()
    try:
        try:
            run.servers = first.servers
        except DeviceError as error:
            run.results = [boot_failure(error, first.evidence, time.monotonic() - began)]
            return
        run.blind = blindness(first)
        if run.blind and run.firmware.elf is not None and run.firmware.board.in_qemu:
            raise ConfigError(run.blind)  # before minutes of checks, as somebody named that file
        items = plan(known, run.servers, run.blind)
        if only:
            items = choose(items, only)
        else:
            items = [item for item in items if not item.check.on_request]
        run.planned = sum(not item.reason for item in items)
        jobs = max(1, min(jobs, run.planned))
        progress.found(run.servers, items, first.boot_seconds, jobs)
        if only and not run.planned:
            raise ConfigError(_none_applies(only, [item.reason for item in items]))
        duts += [Dut(run.firmware, run.servers, save) for _ in range(jobs - 1)]
        _run_all(run, items, duts, progress, save)
    finally:
        for dut in duts:
            dut.end()


def _none_applies(only: Sequence[str], reasons: Sequence[str]) -> str:
    """Return why none of the chosen checks applies, each reason once."""
    verb = "does" if len(only) == 1 else "do"
    why = " ".join(dict.fromkeys(reasons))
    return f"{' and '.join(only)} {verb} not apply to this firmware: {why}"


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
    run: CheckRun,
    items: Sequence[Item],
    duts: Sequence[Dut],
    progress: Progress,
    save: Save | None,
) -> None:
    """Run the items, one on each device at a time, and add their results in the plan's order."""
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
                with lock:
                    if stop.is_set():  # its device was ended under it
                        engine.drop_evidence()
                        return
                    results[number] = result
                    progress.ended(item, result)
            except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
                engine.drop_evidence()
                faults.append(error)
                stop.set()

    threads = [threading.Thread(target=work, args=(dut,), daemon=True) for dut in duts]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive() and not faults:
                thread.join(0.2)  # so that Ctrl-C arrives
        if faults:
            raise faults[0]
    except BaseException:
        stop.set()
        _end(duts, threads)
        raise
    finally:
        with lock:
            run.results = [results[number] for number in sorted(results)]
            run.done = sum(not items[number].reason for number in results)


def _end(duts: Sequence[Dut], threads: Sequence[threading.Thread]) -> None:
    """End the devices, also one that just starts, and with them the checks that run on them."""
    deadline = Deadline(GRACE)
    while not deadline.expired():
        for dut in duts:
            dut.end()
        for thread in threads:
            thread.join(0.2)
        if not any(thread.is_alive() for thread in threads):
            return
