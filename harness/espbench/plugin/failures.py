# SPDX-License-Identifier: MIT
"""Reports a failed test: its cause, its evidence, and lines in the terminal summary."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from espbench.device.boot_phases import phases_of
from espbench.device.device import Device
from espbench.embedded.services import DUTS
from espbench.errors import Panicked
from espbench.plugin.session import Session, shown
from espbench.plugin.workers import USED
from espbench.recording.recorder import SUFFIX
from espbench.reporting import failure_summary as broken
from espbench.reporting import progress
from espbench.reporting.evidence import folder_name, save
from espbench.reporting.skips import skip_lines


def run(session: Session, item: pytest.Item) -> Generator[None, object, object]:
    """Run the test; report a panic of its device instead of the client timeout it caused."""
    for device in session.devices_of(item):
        device.timeline.add("test", nodeid=item.nodeid)
    session.boot_ahead(item)
    try:
        result = yield
    except Panicked:
        raise
    # pytest.fail and pytest-timeout raise an exception that is not an Exception.
    except (Exception, pytest.fail.Exception) as error:
        embedded = session.embedded if _takes_dut(item) else None
        if cause := _panicked(session, item) or (embedded and embedded.cause()):
            raise cause from error
        raise
    if panicked := _panicked(session, item, but=_duts(session, item)):
        raise panicked
    return result


def _panicked(session: Session, item: pytest.Item, but: Sequence[Device] = ()) -> Panicked | None:
    for device in session.devices_of(item):
        if device not in but and (panicked := device.panicked()):
            return panicked
    return None


def _duts(session: Session, item: pytest.Item) -> list[Device]:
    """Return the devices of pytest-embedded's duts, in which a passing test may expect a panic."""
    if session.embedded is None or not _takes_dut(item):
        return []
    return session.embedded.duts.devices


def _takes_dut(item: pytest.Item) -> bool:
    return not DUTS.isdisjoint(getattr(item, "fixturenames", ()))


def save_evidence(session: Session, item: pytest.Item, report: pytest.TestReport) -> None:
    """Save evidence while the devices still exist, and add its folder to the report."""
    vars(report)[USED] = True
    mode = item.config.getoption("--espbench-evidence")
    wanted = mode != "never" and (report.failed or (mode == "always" and report.when == "call"))
    if wanted and (devices := session.devices_of(item)):
        for saved in _save(session, item, devices):
            report.sections.append(("espbench evidence", saved))
            report.user_properties.append(("evidence", saved))
    if item.config.getoption("--espbench-report") and (devices := session.devices_of(item)):
        _add_boot(session, devices[0], report)
    for saved in session.broken_checks if report.failed else ():
        report.user_properties.append((CHECK, saved))
        if saved:
            report.user_properties.append(("evidence", saved))
    session.broken_checks.clear()
    if report.failed:  # after saving the evidence, which reads the heap
        states = [("device", broken.state(device)) for device in session.devices_of(item)]
        report.user_properties.extend(states)
    mode = item.config.getoption("--espbench-record")
    wanted = mode != "never" and (report.failed or (mode == "always" and report.when == "call"))
    if wanted and (devices := session.devices_of(item)):
        for kept in _keep_recordings(session, item, devices):
            report.sections.append(("espbench recording", f"espbench replay {kept}"))
            report.user_properties.append(("recording", kept))


def _add_boot(session: Session, device: Device, report: pytest.TestReport) -> None:
    """Add the phases of a boot to a report, once per process, for the HTML report."""
    ready = device.timeline.first("ready")
    if ready is not None and not session.boot_reported:
        session.boot_reported = True
        boot = phases_of(event for event in device.timeline if event.at <= ready)
        # Not a property, which would appear in JUnit XML; pytest-xdist transfers it too.
        vars(report)[progress.BOOT] = [mark.as_json() for mark in boot]


CHECK = "check"
"""Property of a test in which `run_check` failed."""
REPORTED = "fE"
"""Value of pytest's -r by default: failures and errors."""
NEEDS_BOARD = "needs board "
"""Prefix of the reason for skipping a test of other boards; see `ours`."""


def report_skips(terminalreporter: pytest.TerminalReporter, *, all_of_them: bool) -> None:
    """Report why tests were skipped, unless pytest's option -r is given.

    Args:
        terminalreporter: pytest's terminal reporter.
        all_of_them: whether to report all skipped tests, or only those this plugin skipped.
    """
    if terminalreporter.config.getoption("reportchars") != REPORTED:
        return
    skips = [
        (report.nodeid, progress.message_of(report).removeprefix("Skipped: "))
        for report in terminalreporter.stats.get("skipped", [])
    ]
    ours = [skip for skip in skips if all_of_them or skip[1].startswith(NEEDS_BOARD)]
    if ours:
        terminalreporter.section("espbench: what was skipped")
    for sentence in skip_lines(ours, "test"):
        terminalreporter.write_line(sentence)


def summarize(terminalreporter: pytest.TerminalReporter) -> None:
    """Summarize each failure in a few lines at the end of the output."""
    reports = [
        report
        for kind in ("failed", "error")
        for report in terminalreporter.stats.get(kind, [])
        if isinstance(report, pytest.TestReport)
        and any(progress.property_values(report, name) for name in ("device", CHECK))
    ]
    _write_section(terminalreporter, "espbench: what broke", reports)


def report_flaky(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests that passed only when pytest-rerunfailures repeated them."""
    passed = {report.nodeid for report in terminalreporter.stats.get("passed", [])}
    reports = [
        report
        for report in terminalreporter.stats.get("rerun", [])
        if report.nodeid in passed and vars(report).get(USED)
    ]
    _write_section(terminalreporter, "espbench: what passed only when it was repeated", reports)


def _write_section(
    terminalreporter: pytest.TerminalReporter, title: str, reports: Sequence[pytest.TestReport]
) -> None:
    """Write a section with a few lines about each report, if there are any."""
    if not reports:
        return
    terminalreporter.section(title)
    # As pytest shows them, to be pasted into a command. pytest 9.2 has a class for them.
    shown_id: Callable[[Any], object] = terminalreporter.config.cwd_relative_nodeid
    for report in reports:
        reason = broken.cause(progress.message_of(report))
        for line in broken.failure_lines(
            str(shown_id(report.nodeid)),
            reason.removeprefix("Failed: "),
            progress.property_values(report, "device"),
            progress.property_values(report, "evidence"),
        ):
            terminalreporter.write_line(line)


def _keep_recordings(session: Session, item: pytest.Item, devices: list[Device]) -> list[str]:
    """Keep the recordings of the devices, which end with their fixtures; return the archives."""
    folders = _folders(session, item, devices)
    kept = []
    for device, folder in zip(devices, folders, strict=True):
        if device.recorder is not None:
            path = folder / f"recording{SUFFIX}"
            device.keep_recording(path, item.nodeid)
            kept.append(shown(session.config, str(path)))
    return kept


def _save(session: Session, item: pytest.Item, devices: list[Device]) -> list[str]:
    return [
        shown(session.config, str(save(device, folder, redact=session.redacts)))
        for device, folder in zip(devices, _folders(session, item, devices), strict=True)
    ]


def _folders(session: Session, item: pytest.Item, devices: list[Device]) -> list[Path]:
    """Return the evidence folder of each device of a test."""
    folder = session.evidence / folder_name(item.nodeid)
    if len(devices) == 1:
        return [folder]
    return [folder / f"{number}-{device.name}" for number, device in enumerate(devices, 1)]
