# SPDX-License-Identifier: MIT
"""`espbench run`: runs the scenario suites against a firmware, with live progress and a report."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from espbench.errors import ConfigError, EspbenchError, is_disk_full
from espbench.firmware import build
from espbench.firmware import source_tree as tree
from espbench.firmware.versions import versions
from espbench.perf import figures
from espbench.qemu.parent_death import guarded
from espbench.qemu.process import find_qemu
from espbench.reporting import history
from espbench.reporting import html as report
from espbench.reporting.model import Plan, Run
from espbench.reporting.progress import VARIABLE
from espbench.reporting.results import Results
from espbench.reporting.skips import skip_lines
from espbench.reporting.terminal import Display, broken_lines, figures_table, suites_table
from espbench.suites.names import renamed, suite_paths
from espbench.suites.sharding import Shard, read_durations
from espbench.util import output_folders
from espbench.util.dirlock import DirectoryLock

PYTEST_LOG = "pytest.log"
DURATIONS = "durations.json"
EVIDENCE = "evidence"
PATIENCE = 20.0
"""Seconds that pytest may take to clean up after Ctrl-C."""


def run(plan: Plan, console: Console) -> Run:
    """Build, run the suites, measure, write JUnit XML and the report, and show the outcome.

    Raises:
        EspbenchError: the run could not start.
        KeyboardInterrupt: Ctrl-C, after everything has been stopped.
    """
    with claimed(plan.out):
        return _run(plan, console)


@contextlib.contextmanager
def claimed(out: Path) -> Iterator[None]:
    """Claim a folder of results during the block.

    Raises:
        ConfigError: another run is writing to it.
    """
    try:
        claim = DirectoryLock(out)
    except BlockingIOError:
        raise ConfigError(
            f"Another run is writing to {out}: wait for it to finish, or choose another folder "
            "with --out."
        ) from None
    try:
        yield
    finally:
        claim.release()


def _run(plan: Plan, console: Console) -> Run:
    firmware = prepare(plan, console)
    outcome = execute(plan, firmware, console)
    with console.status("measuring"):
        try:
            measured = figures.quick(plan.board, firmware)
            outcome.figures, outcome.boot = measured.figures, measured.boot
        except (EspbenchError, AssertionError) as error:
            # The run fails, but the scenarios' results still deserve a report.
            outcome.complaint = outcome.complaint or f"The figures could not be measured: {error}"
    if outcome.figures:
        _remember(outcome, plan, firmware)
    page = write(outcome, plan)
    _close(outcome, plan, page, console)
    return outcome


def _remember(outcome: Run, plan: Plan, firmware: Path) -> None:
    """Append this run's figures to the history, and load those of earlier runs."""
    entry = history.Entry(
        outcome.started.isoformat(timespec="seconds"),
        plan.board.name,
        firmware.name,
        # The commit of the firmware's project: this tree, or the one that the firmware is from.
        history.commit(tree.clone() if plan.firmware is None else plan.firmware.absolute().parent),
        {figure.key: figure.value for figure in outcome.figures},
        outcome.versions,
    )
    try:
        outcome.past = history.append(plan.history_file, entry)
    except EspbenchError as error:
        outcome.complain(str(error))
        return
    outcome.note = outcome.past.complaint(plan.history_file)


def prepare(plan: Plan, console: Console) -> Path:
    """Check the plan, and return the firmware, building it if necessary.

    Raises:
        EspbenchError: the run cannot start.
    """
    suite_paths(tree.root(), plan.suites)
    for sentence in renamed(plan.suites):
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    if plan.firmware is not None and not plan.firmware.is_file():
        raise EspbenchError(f"The firmware {plan.firmware} does not exist: check the path.")
    plan.out.mkdir(parents=True, exist_ok=True)
    history.check_file(plan.history_file)
    known_durations(plan, tree.root())
    find_qemu(plan.board)  # fails before a build that takes a minute
    return plan.firmware or build.build(plan.board, console=console).firmware


def known_durations(plan: Plan, root: Path) -> str:
    """Return the recorded durations as JSON: those of the plan, or else the tree's own.

    Raises:
        ConfigError: the file cannot be read, or does not contain durations.
    """
    committed = root / "ci" / f"durations-{plan.board.name}.json"
    if plan.durations is None and not committed.exists():
        return "{}"
    return read_durations(plan.durations or committed)


def execute(plan: Plan, firmware: Path, console: Console) -> Run:
    """Run the suites against a firmware, with live progress.

    Raises:
        EspbenchError: the run could not start.
        KeyboardInterrupt: Ctrl-C, after everything has been stopped.
    """
    root = tree.root()
    evidence = output_folders.fresh(plan.out / EVIDENCE)
    if evidence.name != EVIDENCE:
        console.print(
            f"{plan.out / EVIDENCE} is not from an earlier run, so it is kept, and the evidence of "
            f"this run goes to {evidence}.",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    # pytest-split updates the file that it reads. All shards must be computed from the same
    # durations, so give it a copy.
    (plan.out / DURATIONS).write_text(known_durations(plan, root))
    outcome = Run(
        plan.board, Results(), versions=versions(plan.board, firmware), selected=plan.selects
    )
    command = pytest_command(plan, suite_paths(root, plan.suites), evidence)
    try:
        status = _scenarios(plan, root, command, outcome, console)
    finally:
        output_folders.remove_if_unused(evidence)
    outcome.ended = status in (0, 1) and not outcome.results.broken
    outcome.complaint = complaint(status, outcome.results, plan.out / PYTEST_LOG, plan.shard)
    return outcome


def write(outcome: Run, plan: Plan) -> Path:
    """Write the report and run.json; return the report's path.

    If the disk is full, add that to the run's complaint, so that the results are still shown.
    """
    page = plan.out / "report.html"
    _write(outcome, page, lambda: report.render(outcome, page))
    _write(outcome, plan.out / "run.json", lambda: json.dumps(as_json(outcome), indent=1) + "\n")
    return page


def _write(outcome: Run, path: Path, text: Callable[[], str]) -> None:
    try:
        path.write_text(text(), encoding="utf-8")
    except OSError as error:
        if not is_disk_full(error):
            raise
        path.unlink(missing_ok=True)  # a truncated file would be misleading
        outcome.complain(
            f"The disk of {path.parent} is full, so {path.name} is missing: free some space."
        )


def _close(outcome: Run, plan: Plan, page: Path, console: Console) -> None:
    console.print(suites_table(outcome.results, outcome.seconds))
    if outcome.figures:
        console.print(figures_table(outcome.figures, outcome.past))
    skips = [(case.nodeid, case.message) for case in outcome.results.skipped()]
    for sentence in skip_lines(skips, "scenario"):
        console.print(sentence, style="yellow", markup=False, highlight=False, soft_wrap=True)
    for line in broken_lines(outcome.results.failures()):
        console.print(line, soft_wrap=True)
    if outcome.note:
        console.print(outcome.note, style="yellow", markup=False, soft_wrap=True)
    if outcome.complaint:
        console.print(outcome.complaint, style="bold red", markup=False)
    console.print(f"board   {plan.board.name}: {plan.board.title}", highlight=False, soft_wrap=True)
    console.print(f"report  {page}", highlight=False, soft_wrap=True)
    console.print(f"junit   {plan.out / 'junit.xml'}", highlight=False, soft_wrap=True)
    if plan.shard is not None:
        console.print(f"shard   {plan.shard}", highlight=False, soft_wrap=True)


def pytest_command(plan: Plan, paths: Sequence[str], evidence: Path) -> list[str]:
    """Return pytest's command line; `evidence` is the folder for evidence."""
    command = [sys.executable, "-m", "pytest", "-p", "espbench.reporting.progress", "--color=no"]
    command += ["-n", plan.jobs, "--dist", "worksteal", "--espbench-board", plan.board.name]
    if tree.clone() is None:
        command += ["-p", "no:cacheprovider"]  # do not write into an installed package
    command += [f"--junitxml={plan.out / 'junit.xml'}", "-o", "junit_family=xunit2"]
    command += [
        f"--espbench-evidence={plan.evidence}",
        f"--espbench-evidence-dir={evidence}",
    ]
    command += ["--store-durations", f"--durations-path={plan.out / DURATIONS}"]
    if plan.shard is not None:
        command += [f"--espbench-shard={plan.shard}"]
    if not plan.selects:
        command += ["--clean-durations"]  # drops scenarios that no longer exist
    if plan.firmware is not None:
        command += ["--espbench-firmware", str(plan.firmware.absolute())]
    if plan.keywords:
        command += ["-k", plan.keywords]
    return [*command, *plan.pytest, *paths]


def _scenarios(plan: Plan, root: Path, command: list[str], outcome: Run, console: Console) -> int:
    """Run pytest and follow it; return its exit status."""
    start = time.monotonic()
    log = plan.out / PYTEST_LOG
    if setpriv := shutil.which("setpriv"):  # elsewhere, pytest outlives a killed espbench
        command = guarded(command, os.getpid(), setpriv)
    reading, writing = os.pipe()
    with log.open("w") as output, os.fdopen(reading) as events:
        try:
            process = subprocess.Popen(
                command,
                cwd=root,
                env={**os.environ, VARIABLE: str(writing)},
                pass_fds=(writing,),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # only we get Ctrl-C, and signal pytest once
            )
        finally:
            os.close(writing)
        try:
            with Display(console, outcome.results) as display:
                for line in events:
                    if case := outcome.results.take(json.loads(line)):
                        display.ended(case)
            status = process.wait()
        except BaseException:
            _end(process)
            raise
    outcome.seconds = time.monotonic() - start
    outcome.results.finish()
    return status


def complaint(status: int, results: Results, log: Path, shard: Shard | None = None) -> str:
    """Return the problem that pytest's exit status shows beyond failed scenarios, or ""."""
    # A shard may consist of scenarios for other boards only.
    if status == 0 and not results.count("passed") and shard is None:
        return "No scenario passed: all were skipped."
    if status == 0 or (status == 1 and not results.good):
        return ""
    if status == 5 and shard is not None:
        return f"Shard {shard} has no scenarios: there are fewer scenarios than shards."
    if status == 5:
        return "No scenario ran: check the names of suites and keywords."
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
    return f"pytest ended with status {status}; its last lines (the full log is {log}):\n{tail}"


def _end(process: subprocess.Popen[Any]) -> None:
    """Let pytest clean up, then kill what is left."""
    with contextlib.suppress(ProcessLookupError):
        # Signal the whole session, so that pytest-xdist's workers end too.
        os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(PATIENCE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def as_json(outcome: Run) -> dict[str, Any]:
    """Return the run as a JSON object."""
    return {
        "good": outcome.good,
        "board": outcome.board.name,
        "selected": outcome.selected,
        "ended": outcome.ended,
        "started": outcome.started.isoformat(timespec="seconds"),
        "seconds": round(outcome.seconds, 3),
        "complaint": outcome.complaint,
        "suites": [
            {
                "name": suite.name,
                "passed": suite.passed,
                "failed": suite.failed,
                "skipped": suite.skipped,
                "seconds": round(suite.seconds, 3),
            }
            for suite in outcome.results.suites()
        ],
        "scenarios": [
            {"scenario": case.nodeid, "outcome": case.outcome, "message": case.message}
            for case in outcome.results.everything()
        ],
        "failures": [
            {"scenario": case.nodeid, "message": case.message, "evidence": case.evidence}
            for case in outcome.results.failures()
        ],
        "flaky": [
            {"scenario": case.nodeid, "failed": case.repeated, "evidence": case.evidence}
            for case in outcome.results.flaky()
        ],
        "figures": {figure.key: figure.as_json() for figure in outcome.figures},
        "boot": [mark.as_json() for mark in outcome.boot],
        "versions": outcome.versions,
    }
