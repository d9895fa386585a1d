# SPDX-License-Identifier: MIT
"""What a failed test leaves: its cause, its evidence, and lines in the terminal's summary."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from espbench.device.boot_phases import marks
from espbench.device.device import Device
from espbench.embedded.services import DUTS
from espbench.errors import Panicked
from espbench.plugin.session import Session, shown
from espbench.plugin.workers import USED
from espbench.recording.recorder import SUFFIX
from espbench.reporting import failure_summary as broken
from espbench.reporting import progress
from espbench.reporting.evidence import folder_name, save
from espbench.reporting.skips import told


def run(session: Session, item: pytest.Item) -> Generator[None, object, object]:
    """Run the test; when its device panicked, that is what failed, not a client's time-out."""
    for device in session.devices_of(item):
        device.timeline.add("test", nodeid=item.nodeid)
    session.boot_ahead(item)
    try:
        result = yield
    except Panicked:
        raise
    # pytest.fail, and with it pytest-timeout, raises what is no Exception.
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
    """Return pytest-embedded's: a test that passes may have made them panic, and expected that."""
    if session.embedded is None or not _takes_dut(item):
        return []
    return session.embedded.duts.devices


def _takes_dut(item: pytest.Item) -> bool:
    return not DUTS.isdisjoint(getattr(item, "fixturenames", ()))


def tell(session: Session, item: pytest.Item, report: pytest.TestReport) -> None:
    """Save the evidence while the devices are still there, and name its folder in the report."""
    vars(report)[USED] = True
    mode = item.config.getoption("--espbench-evidence")
    wanted = mode != "never" and (report.failed or (mode == "always" and report.when == "call"))
    if wanted and (devices := session.devices_of(item)):
        for saved in _save(session, item, devices):
            report.sections.append(("espbench evidence", saved))
            report.user_properties.append(("evidence", saved))
    if item.config.getoption("--espbench-report") and (devices := session.devices_of(item)):
        _tell_boot(session, devices[0], report)
    if report.failed:  # after the evidence, for which the heap was looked at
        states = [("device", broken.state(device)) for device in session.devices_of(item)]
        report.user_properties.extend(states)
    mode = item.config.getoption("--espbench-record")
    wanted = mode != "never" and (report.failed or (mode == "always" and report.when == "call"))
    if wanted and (devices := session.devices_of(item)):
        for kept in _keep_recordings(session, item, devices):
            report.sections.append(("espbench recording", f"espbench replay {kept}"))
            report.user_properties.append(("recording", kept))


def _tell_boot(session: Session, device: Device, report: pytest.TestReport) -> None:
    """Have a report bring the moments of a boot: once in each process is enough for the page."""
    ready = device.timeline.first("ready")
    if ready is not None and not session.boot_told:
        session.boot_told = True
        boot = marks(event for event in device.timeline if event.at <= ready)
        # Not a property of the test, which would be in JUnit XML; pytest-xdist brings it, too.
        vars(report)[progress.BOOT] = [mark.as_json() for mark in boot]


REPORTED = "fE"
"""What pytest reports without -r: failures and errors."""
NEEDS_BOARD = "needs board "
"""What the reason of a test for other boards begins with; see `markers`."""


def tell_skips(terminalreporter: pytest.TerminalReporter, *, all_of_them: bool) -> None:
    """Say why tests were skipped, unless pytest's option -r says what is to be reported.

    Args:
        terminalreporter: pytest's.
        all_of_them: whether espbench's suites were asked for; else those count that this plugin
            skipped.
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
    for sentence in told(ours, "test"):
        terminalreporter.write_line(sentence)


def summarize(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in a few lines what broke, for those who read nothing but the end."""
    reports = [
        report
        for kind in ("failed", "error")
        for report in terminalreporter.stats.get(kind, [])
        if isinstance(report, pytest.TestReport) and progress.told(report, "device")
    ]
    if not reports:
        return
    terminalreporter.section("espbench: what broke")
    for report in reports:
        reason = broken.cause(progress.message_of(report))
        lines = broken.told(
            report.nodeid,
            reason,
            progress.told(report, "device"),
            progress.told(report, "evidence"),
        )
        for line in lines:
            terminalreporter.write_line(line)


def _keep_recordings(session: Session, item: pytest.Item, devices: list[Device]) -> list[str]:
    """Have the devices' runs kept, which are over with their fixtures; return the archives."""
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
        shown(session.config, str(save(device, folder)))
        for device, folder in zip(devices, _folders(session, item, devices), strict=True)
    ]


def _folders(session: Session, item: pytest.Item, devices: list[Device]) -> list[Path]:
    """Return where the evidence of each device of a test goes."""
    folder = session.evidence / folder_name(item.nodeid)
    if len(devices) == 1:
        return [folder]
    return [folder / f"{number}-{device.name}" for number, device in enumerate(devices, 1)]
