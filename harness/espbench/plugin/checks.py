# SPDX-License-Identifier: MIT
"""Runs the checks of `espbench check` as tests, for the fixture `run_check`."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from espbench.boards.firmware_options import parse_ports, parse_readiness
from espbench.certs import recipes
from espbench.check.baseline import Baseline, compare, read_baseline
from espbench.check.engine import Engine, boot_failure
from espbench.check.families import all_checks
from espbench.check.plan import check_names, choose, plan
from espbench.check.profile import Profile, read_profile
from espbench.check.report.document import sentence_of
from espbench.check.result import Outcome, Result, labelled
from espbench.check.run import blindness
from espbench.check.target.dut import Dut
from espbench.check.target.firmware import Firmware, described
from espbench.errors import DeviceError, EspbenchError
from espbench.plugin.options import setting
from espbench.plugin.session import Session, shown
from espbench.plugin.settings import chosen_board, chosen_firmware, named_firmware, path
from espbench.reporting.evidence import saver

RunCheck = Callable[[str], None]


class Ahead:
    """Runs checks on two devices: while one check runs, so does that of the next test.

    Most checks wait for most of their time, so this halves it, as `espbench check --jobs 2` does.
    """

    def __init__(self, first: Dut) -> None:
        """Prepare; nothing boots yet."""
        self._first = first
        self._idle: queue.SimpleQueue[Dut] = queue.SimpleQueue()
        self._idle.put(first)
        self._duts = [first]
        self._pool = ThreadPoolExecutor(2, "check")
        self._running: dict[str, Future[Sequence[Result]]] = {}

    def results(self, name: str, coming: str = "") -> Sequence[Result]:
        """Return the results of a check, and begin the one that comes after it, if any.

        Raises:
            EspbenchError: the name is unknown, or QEMU is missing.
        """
        mine = self._running.pop(name, None)
        # This boots the first device, unless a check has: so it comes before any check begins.
        ahead = bool(coming) and coming not in self._running and self._boots()
        if ahead and len(self._duts) == 1:
            self._add(Dut(self._first.firmware, self._first.servers, self._first.save))
        mine = mine or self._pool.submit(self._run, name)
        if ahead:
            self._running[coming] = self._pool.submit(self._run, coming)
        return mine.result()

    def _run(self, name: str) -> Sequence[Result]:
        under_test = self._idle.get()
        try:
            return run(under_test, name)
        finally:
            self._idle.put(under_test)

    def _boots(self) -> bool:
        try:
            return bool(self._first.servers)
        except DeviceError:
            return False

    def _add(self, further: Dut) -> None:
        self._duts.append(further)
        self._idle.put(further)

    def close(self) -> None:
        """End the devices, and with them a check that still runs."""
        for each in self._duts:
            each.end()
        self._pool.shutdown()


@contextmanager
def ahead(session: Session) -> Iterator[Ahead]:
    """Yield what runs checks; its devices boot when a check needs them."""
    keeps = session.config.getoption("--espbench-evidence") != "never"
    save = saver(session.evidence / "check", redact=session.redacts) if keeps else None
    with _told():
        subject = firmware(session.config)
    made = Ahead(Dut(subject, save=save))
    try:
        yield made
    finally:
        made.close()


def firmware(config: pytest.Config) -> Firmware:
    """Return what the options and ini settings describe.

    Raises:
        EspbenchError: an option is wrong, or the firmware cannot be built.
    """
    board = chosen_board(config)
    named = setting(config, "--espbench-profile", "espbench_profile")
    profile = read_profile(config.rootpath / named) if named else Profile()
    own = named_firmware(config) is None
    ports = setting(config, "--espbench-ports", "espbench_ports")
    elf = config.getoption("--espbench-firmware-elf")
    folder = setting(config, "--espbench-files", "espbench_files")
    return described(
        board,
        chosen_firmware(config, board),
        profile,
        elf=path(config, elf) if elf else None,
        files=config.rootpath / folder if folder else None,
        files_partition=setting(config, "--espbench-files-partition", "espbench_files_partition"),
        ready=parse_readiness(
            setting(config, "--espbench-ready-console", "espbench_ready_console"),
            setting(config, "--espbench-ready-http", "espbench_ready_http"),
            prefix="--espbench-",
        ),
        ready_timeout=config.getoption("--espbench-ready-timeout"),
        ports=parse_ports(ports, "--espbench-ports") if ports else None,
        content=recipes()["p256"].on_device() if own else None,
    )


def baseline(config: pytest.Config) -> Baseline | None:
    """Return the baseline that options name, if any.

    Raises:
        EspbenchError: it cannot be read.
    """
    if named := setting(config, "--espbench-baseline", "espbench_baseline"):
        return read_baseline(config.rootpath / named)
    return None


def coming(session: Session, fixture: str) -> str:
    """Return the check of the next test, if that is one with this fixture and a `name`; or ""."""
    item = next(iter(session.coming), None)  # empty without a pool
    names = getattr(item, "fixturenames", ())
    callspec = getattr(item, "callspec", None)
    if fixture not in names or callspec is None:
        return ""
    name = callspec.params.get("name", "")
    return name if isinstance(name, str) else ""


def runner(session: Session, under_test: Ahead) -> RunCheck:
    """Return the function that the fixture `run_check` gives to a test."""
    with _told():
        known = baseline(session.config)

    def run_check(name: str) -> None:
        session.broken_checks.append("")  # an error, until there are results
        with _told():
            results = under_test.results(name, coming(session, "run_check"))
        session.broken_checks.pop()
        compared = compare(known or Baseline(), results)
        new = [
            each
            for each in results
            if each.outcome is Outcome.ERROR or any(each is result for result, _ in compared.new)
        ]
        if new or compared.worse or compared.lost:
            for each in new:
                session.broken_checks += [
                    shown(session.config, str(folder)) for folder in each.evidence or ("",)
                ]
            session.broken_checks += [] if new else [""]
            lines = [_report(each) for each in new]
            lines += [f"worse: {moved}" for moved in compared.worse]
            lines += [f"not measured any more: {figure}" for figure in compared.lost]
            pytest.fail("\n\n".join(lines), pytrace=False)
        if compared.known:
            pytest.xfail("; ".join(finding.sentence for _, finding in compared.known))
        if all(each.outcome is Outcome.NOT_APPLICABLE for each in results):
            pytest.skip(results[0].sentence)
        for result in results:
            if said := sentence_of(result):
                print(f"{result.id}: {said}")  # pytest shows it with -rP

    return run_check


@contextmanager
def _told() -> Iterator[None]:
    """Fail the test with the sentence of an error alone: the traceback is espbench's own."""
    try:
        yield
    except EspbenchError as error:
        # Without `from None`, pytest shows the sentence of each of the two exceptions.
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def run(under_test: Dut, name: str) -> Sequence[Result]:
    """Run what a name means (see `choose`) on a device under test.

    Raises:
        EspbenchError: the name is unknown, or QEMU is missing.
    """
    check_names(all_checks(), [name])  # before the boot
    began = time.monotonic()
    try:
        servers = under_test.servers
    except DeviceError as error:
        return [boot_failure(error, under_test.evidence, time.monotonic() - began)]
    items = choose(plan(all_checks(), servers, blindness(under_test)), [name])
    engine = Engine(under_test, under_test.save)
    return [engine.run(item) for item in items]


def _report(result: Result) -> str:
    """Return what is wrong, then what was expected: pytest's summary shows the first line."""
    said = []
    for finding in result.findings:
        said.append(f"{labelled(finding.case, finding.sentence)} [{finding.severity.value}]")
        said += [f"  {text}" for text in (*finding.traits, *finding.console)]
    if result.sentence:
        said.append(result.sentence)
    lines = [f"{result.id}: {said[0]}" if said else f"{result.id}:", *said[1:]]
    lines.append(f"expected: {result.title} [{result.source}]")
    lines += [f"evidence: {folder}" for folder in result.evidence]
    return "\n".join(lines)
