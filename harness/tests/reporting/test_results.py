# SPDX-License-Identifier: MIT
"""Results are computed from pytest's reports, and only what passed counts as passed."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from espbench.boards.builtin import BOARDS
from espbench.device.boot_phases import BootPhase
from espbench.perf.figures import Figure
from espbench.reporting.html import render
from espbench.reporting.model import Run
from espbench.reporting.progress import VARIABLE
from espbench.reporting.results import Case, Results
from espbench.reporting.runner import as_json, complaint
from espbench.reporting.terminal import (
    Display,
    broken_lines,
    failure_line,
    figures_table,
    suites_table,
)
from page_loads import loads
from rich.console import Console

A, B, C = "scenarios/test_dual.py::a", "scenarios/test_dual.py::b", "scenarios/test_tls_limit.py::c"


def report(nodeid: str, when: str = "call", outcome: str = "passed", **more: Any) -> dict[str, Any]:
    """Return a report event."""
    event = {
        "event": "report", "nodeid": nodeid, "when": when, "outcome": outcome, "seconds": 0.5,
        "message": "", "detail": "", "expected": False, "evidence": [],
    }  # fmt: skip
    return event | more


def whole(nodeid: str, outcome: str = "passed", **more: Any) -> list[dict[str, Any]]:
    """Return all events of a test."""
    return [
        {"event": "start", "nodeid": nodeid},
        report(nodeid, "setup"),
        report(nodeid, "call", outcome, **more),
        report(nodeid, "teardown"),
    ]


def results(*events: dict[str, Any], finished: bool = True) -> Results:
    """Return the results of these events."""
    made = Results()
    for event in events:
        made.take(event)
    if finished:
        made.finish()
    return made


def collected(*nodeids: str) -> dict[str, Any]:
    """Return the event that lists all tests."""
    return {"event": "collected", "nodeids": list(nodeids)}


def test_all_passed() -> None:
    """Passed scenarios are counted by suite, with the duration of all phases."""
    made = results(collected(A, B, C), *whole(A), *whole(B), *whole(C))
    assert made.good
    assert [(s.name, s.passed, s.seconds) for s in made.suites()] == [
        ("dual", 2, 3.0),
        ("tls_limit", 1, 1.5),
    ]


def test_failed() -> None:
    """A failure keeps its message and its evidence."""
    events = whole(A, "failed", message="boom", detail="all of it", evidence=["evidence/a"])
    made = results(collected(A, B), *events, *whole(B))
    assert not made.good
    (case,) = made.failures()
    assert (case.message, case.detail, case.evidence) == ("boom", "all of it", ["evidence/a"])


def test_teardown_that_fails() -> None:
    """A failure in teardown makes a passed scenario fail, but an earlier failure is kept."""
    made = results(
        collected(A, B),
        {"event": "start", "nodeid": A},
        report(A), report(A, "teardown", "failed", message="leak"),
        report(B, "call", "failed", message="first"),
        report(B, "teardown", "failed", message="second"),
    )  # fmt: skip
    assert [case.message for case in made.failures()] == ["leak", "first"]


def test_passed_when_repeated() -> None:
    """A test that pytest-rerunfailures repeats has its last outcome, and why it failed before."""
    again = [report(A, "setup"), report(A, "call", "rerun", message="boom", evidence=["e/a"])]
    start = {"event": "start", "nodeid": A}
    made = results(collected(A), start, *again, *whole(A))
    (case,) = made.flaky()
    assert (case.outcome, case.repeated, case.evidence) == ("passed", ["boom"], ["e/a"])
    assert (made.good, made.failures()) == (True, [])
    failed = results(collected(A), start, *again, *whole(A, "failed", message="again"))
    assert ([case.message for case in failed.failures()], failed.flaky()) == (["again"], [])


def test_skipped_is_not_passed() -> None:
    """A run in which all scenarios were skipped is not good."""
    events = [report(A, "setup", "skipped", message="Skipped: needs esp32"), report(A, "teardown")]
    made = results(collected(A), {"event": "start", "nodeid": A}, *events)
    assert (made.count("passed"), made.count("skipped"), made.good) == (0, 1, False)
    assert made.skipped()[0].message == "needs esp32"
    assert complaint(0, made, Path()) == "No scenario passed: all were skipped."


def test_skipped_beside_passed() -> None:
    """Skipped scenarios do not make a run fail, and are shown as skipped."""
    made = results(collected(A, B), *whole(A), report(B, "setup", "skipped", message="no"))
    assert made.good
    assert made.suites()[0].skipped == 1


def test_nothing_ran() -> None:
    """Zero scenarios are a failure."""
    assert not results().good
    assert complaint(5, results(), Path()) == (
        "No scenario ran: check the names of suites and keywords."
    )


def test_lost_scenarios() -> None:
    """A scenario that never ended (its worker died) did not pass."""
    made = results(collected(A, B), *whole(A), {"event": "start", "nodeid": B})
    assert not made.good
    assert made.failures()[0].message == "It did not run to its end."


def test_broken_suite() -> None:
    """A suite that cannot be read fails the run, whatever the others' outcomes."""
    made = results(
        collected(A), *whole(A),
        {"event": "broken", "nodeid": "scenarios/test_memory.py", "detail": "SyntaxError"},
    )  # fmt: skip
    assert not made.good
    assert [(s.name, s.failed) for s in made.suites()] == [("dual", 0), ("memory", 1)]
    assert made.failures()[0].message == "This suite could not be read: SyntaxError"


def test_pytest_trouble(tmp_path: Path) -> None:
    """If pytest itself fails, the end of its log is shown."""
    log = tmp_path / "pytest.log"
    log.write_text("one\nINTERNALERROR> two\n")
    assert complaint(3, results(), log) == (
        f"pytest ended with status 3; its last lines (the full log is {log}):\n"
        "one\nINTERNALERROR> two"
    )
    assert complaint(1, results(*whole(A, "failed")), log) == ""
    # for example if JUnit XML could not be written
    assert complaint(1, results(*whole(A)), log).startswith("pytest ended with status 1; its last")


SUITE = """
import pytest
def test_passes(record_property):
    record_property("evidence", "evidence/there")
def test_fails():
    assert 1 == 2, "numbers differ"
def test_skips():
    pytest.skip("not here")
@pytest.mark.xfail(reason="known", strict=True)
def test_known():
    assert False
@pytest.fixture
def bad():
    raise OSError("no fixture")
def test_error(bad):
    pass
"""


@pytest.mark.parametrize("jobs", ["0", "2"])
def test_events_of_a_real_pytest(tmp_path: Path, jobs: str) -> None:
    """pytest's own reports arrive through the pipe, with and without xdist's workers."""
    (tmp_path / "test_real.py").write_text(SUITE)
    reading, writing = os.pipe()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "espbench.reporting.progress",
        "-n",
        jobs,
        "test_real.py",
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, pass_fds=(writing,), stdout=subprocess.DEVNULL,
        env={**os.environ, VARIABLE: str(writing)},
    ) as process:  # fmt: skip
        os.close(writing)
        with os.fdopen(reading) as events:
            made = results(*(json.loads(line) for line in events))
    assert process.returncode == 1
    outcomes = {case.title: case.outcome for case in made.cases.values()}
    assert outcomes == {
        "test_passes": "passed",
        "test_fails": "failed",
        "test_skips": "skipped",
        "test_known": "skipped",
        "test_error": "failed",
    }
    messages = {case.title: case.message for case in made.cases.values()}
    assert messages["test_fails"].startswith("AssertionError: numbers differ")
    assert messages["test_error"] == "OSError: no fixture"
    assert messages["test_skips"] == "not here"
    assert made.cases["test_real.py::test_passes"].evidence == ["evidence/there"]


def finished_run() -> Run:
    """Return a run with one of everything."""
    made = results(
        collected(A, B, C),
        *whole(A),
        *whole(
            B, "failed", message="<b>boom</b>", detail="more", evidence=["build/run/evidence/b"]
        ),
        report(C, "setup", "skipped", message="needs esp32"),
    )
    return Run(
        BOARDS["lx60"], made, 12.5,
        (Figure("x", "Boot", 123.456, "ms"), Figure("r", "Ratio", 1.2, "ratio", 1.05)),
        (BootPhase(0.0, "start"), BootPhase(0.05, "exec"), BootPhase(0.2, "first HTTPS answer")),
        "", {"QEMU": "7.2.0", "firmware sha256": "ab" * 32},
    )  # fmt: skip


def test_report(tmp_path: Path) -> None:
    """The report has everything, loads nothing, and escapes messages."""
    page = tmp_path / "build" / "run" / "report.html"
    html = render(finished_run(), page)
    for expected in (
        "espbench on lx60",
        "&lt;b&gt;boom&lt;/b&gt;",
        "123.5 ms",
        "needs esp32",
        "7.2.0",
        "ab" * 32,
        "first HTTPS answer",
        "prefers-color-scheme: dark",
        'name="viewport"',
        'class="badge failed"',
    ):
        assert expected in html, expected
    assert "<b>boom" not in html
    assert loads(html) == []


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="x.png">',
        '<img srcset="x.png 2x">',
        '<iframe srcdoc="x"></iframe>',
        '<script src="x.js"></script>',
        "<script>1</script>",
        '<link rel="stylesheet" href="x.css">',
        '<object data="x"></object>',
        '<svg><use xlink:href="x.svg#a"/></svg>',
        '<svg><image href="x.png"/></svg>',
        '<meta http-equiv="refresh" content="0; url=x">',
        '<p style="background: URL(x.png)">',
        "<style>@import 'x.css';</style>",
        '<base href="x">',
        '<form action="x">',
    ],
)
def test_a_report_that_loads_something_is_noticed(markup: str) -> None:
    """Anything that a browser would fetch is detected in a report."""
    assert len(loads(f"<!doctype html><a href='evidence/b'>b</a>{markup}")) == 1


def test_report_links_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The link to the evidence is relative to the report."""
    monkeypatch.chdir(tmp_path)
    html = render(finished_run(), Path("build/run/report.html"))
    assert '<a href="evidence/b">b</a>' in html


def test_report_of_an_empty_run(tmp_path: Path) -> None:
    """A run without scenarios has a report, which says failed."""
    html = render(Run(BOARDS["lx60"], results(), complaint="No scenario ran."), tmp_path / "r.html")
    assert 'class="badge failed"' in html
    assert "No scenario ran." in html


def test_json() -> None:
    """The JSON has suites, failures, figures and the verdict."""
    data = json.loads(json.dumps(as_json(finished_run())))
    assert data["good"] is False
    assert data["suites"][0] == {
        "name": "dual",
        "passed": 1,
        "failed": 1,
        "skipped": 0,
        "seconds": 3.0,
    }
    assert data["failures"][0]["evidence"] == ["build/run/evidence/b"]
    assert data["figures"]["r"]["good"] is False


def text_of(*renderables: Any) -> str:
    """Return the output on a console that is not a terminal."""
    console = Console(file=io.StringIO(), width=100)
    for renderable in renderables:
        console.print(renderable)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_tables() -> None:
    """The final tables have suites, totals, figures and limits."""
    run = finished_run()
    shown = text_of(suites_table(run.results, run.seconds), figures_table(run.figures))
    for expected in ("tls_limit", "12.5 s", "123.5 ms", "1.200", "1.05"):
        assert expected in shown, expected


def test_plain_progress() -> None:
    """In a pipe, the output is lines: failures at once, and each suite at its end."""
    made = Results()
    console = Console(file=io.StringIO(), width=100)
    events = [collected(A, C), *whole(A, "failed", message="boom\nmore"), *whole(C)]
    with Display(console, made) as display:
        for event in events:
            if case := made.take(event):
                display.ended(case)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == (
        "FAILED dual: a: boom\n"
        "dual: 0 passed, 1 failed, 0 skipped in 1.5 s\n"
        "tls_limit: 1 passed, 0 failed, 0 skipped in 1.5 s\n"
    )


def test_live_frame() -> None:
    """In a terminal, there is a bar for each suite, and the running scenarios."""
    made = results(collected(A, B, C), *whole(A), {"event": "start", "nodeid": C}, finished=False)
    shown = text_of(Display(Console(file=io.StringIO()), made))
    assert "1/2" in shown
    assert "test_tls_limit.py::c" in shown
    assert "1 of 3 scenarios" in shown


def test_failure_line() -> None:
    """When a scenario fails, one line has its name and the cause."""
    line = failure_line(Case(A, "failed", 1.0, "a.b.Boom: it broke\nin detail"))
    assert line.plain == "FAILED dual: a: Boom: it broke"


def test_broken_lines() -> None:
    """At the end, failures have cause, devices and evidence; excess ones are only counted."""
    state = "device: heap 5 of 9 bytes free, low water 2; console: hello"
    event = {"devices": [state], "message": "boom", "evidence": ["evidence/a"]}
    made = results(collected(A), *whole(A, "failed", **event))
    assert [line.plain for line in broken_lines(made.failures())] == [
        "FAILED dual: a: boom",
        f"    {state}",
        "    evidence: evidence/a",
    ]
    many = [Case(f"x.py::{number}", "failed", message="no") for number in range(23)]
    lines = [line.plain for line in broken_lines(many)]
    assert len(lines) == 21
    assert lines[-1] == "and 3 more: the report has them all"


def test_a_suite_s_line_is_final() -> None:
    """A suite is reported once, after its last teardown, which may fail in another worker."""
    output = io.StringIO()
    made = Results()
    late = report(A, "teardown", "failed", message="left a connection open")
    crash = report(C, "???", "failed", message="worker 'gw1' crashed")
    with Display(Console(file=output, width=100), made) as display:
        for event in (collected(A, B, C), *whole(A)[:-1], *whole(B), *whole(C)[:2]):
            if case := made.take(event):
                display.ended(case)
        assert output.getvalue() == ""
        for event in (late, crash):
            if case := made.take(event):
                display.ended(case)
    lines = output.getvalue().splitlines()
    assert lines == [
        "FAILED dual: a: left a connection open",
        "dual: 1 passed, 1 failed, 0 skipped in 3.0 s",
        "FAILED tls_limit: c: worker 'gw1' crashed",
        "tls_limit: 0 passed, 1 failed, 0 skipped in 1.0 s",
    ]
    before = [(suite.name, suite.passed, suite.failed, suite.seconds) for suite in made.suites()]
    made.finish()
    assert before == [(s.name, s.passed, s.failed, s.seconds) for s in made.suites()]
