# SPDX-License-Identifier: MIT
"""The gate's pure parts: verdicts, tolerances, invalid baselines, and reports."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS
from espbench.cli import main as cli
from espbench.cli.shared import WIDE
from espbench.errors import GateError
from espbench.perf import baseline, gate, gate_report, toolchain
from espbench.perf import metrics as readings
from espbench.perf.baseline import Baseline
from espbench.perf.gate import Row
from espbench.perf.metrics import Kind, Reading, Tolerance
from rich.console import Console

LX60 = BOARDS["lx60"]
WORK = Kind("echo_work", "Echo", "instructions", Tolerance(1, percent=True))
FREE = Kind("heap_free", "Free heap", "bytes", Tolerance(100), "higher")


def of(*found: Reading, board: Board = LX60) -> Baseline:
    """Return a baseline of these readings."""
    return baseline.make(board, found, {"QEMU": "7.2"})


def only(before: Reading, after: Reading) -> Row:
    """Return the row of one figure."""
    (row,) = gate.compare(of(before), [after])
    return row


@pytest.mark.parametrize(
    ("kind", "before", "after", "verdict"),
    [
        (WORK, 10_000, 10_000, "same"),
        (WORK, 10_000, 10_100, "moved"),
        (WORK, 10_000, 10_101, "worse"),
        (WORK, 10_000, 9_900, "moved"),
        (WORK, 10_000, 9_899, "better"),
        (FREE, 5_000, 4_900, "moved"),
        (FREE, 5_000, 4_899, "worse"),
        (FREE, 5_000, 5_101, "better"),
        (FREE, None, 5_000, "new"),
        (FREE, None, None, "unavailable"),
        (FREE, 5_000, None, "lost"),
    ],
)
def test_verdicts(kind: Kind, before: float | None, after: float | None, verdict: str) -> None:
    """A figure is judged by its own tolerance and direction, and is never left out."""
    row = only(Reading(kind, before), Reading(kind, after, "" if after else "no clock"))
    assert row.verdict == verdict
    assert row.bad == (verdict in ("worse", "lost"))


def test_a_figure_of_the_baseline_alone_is_lost() -> None:
    """A section that the firmware no longer has closes the gate until --update."""
    kind = readings.section_kind(".iram")
    (row,) = gate.compare(of(Reading(kind, 5)), [])
    assert (row.verdict, row.title) == ("lost", "Image, section .iram")
    assert not gate.passes([row])
    assert row.sentence() == (
        "Image, section .iram is in the baseline but could not be measured: this firmware does not "
        "have it; if that is intended, rewrite the baseline with --update."
    )


def test_a_figure_that_is_not_in_the_baseline_is_new() -> None:
    """It is reported, and passes."""
    (row,) = gate.compare(of(), [Reading(WORK, 5)])
    assert row.verdict == "new"
    assert row.sentence() == "Echo is not in the baseline: add it with --update."
    assert gate.passes([row])


def test_sentences() -> None:
    """A row's sentence has both values, the difference and the tolerance."""
    assert only(Reading(WORK, 10_000), Reading(WORK, 20_000)).sentence() == (
        "Echo: 10,000 instr before, 20,000 instr now, +10,000 instr (+100.00 %); 1 % are tolerated."
    )
    lost = only(Reading(FREE, 5), Reading(FREE, None, "It has no heap."))
    assert lost.sentence() == (
        "Free heap is in the baseline but could not be measured: It has no heap."
    )


def test_a_leak_from_nothing_is_seen() -> None:
    """A figure that was 0 has no percentage, but can still get worse."""
    row = only(Reading(readings.LEAK_HTTP, 0), Reading(readings.LEAK_HTTP, 104))
    assert row.verdict == "worse"
    assert row.shown_change() == "+104 B"


def test_update_keeps_tolerances(tmp_path: Path) -> None:
    """A tolerance that the user set in the file is kept when its value is updated."""
    path = tmp_path / "b.json"
    baseline.write(of(Reading(WORK, 100)), path)
    path.write_text(path.read_text().replace('"tolerance": 1,', '"tolerance": 7.5,'))
    before = baseline.read(path, LX60)
    after = baseline.make(LX60, [Reading(WORK, 200)], {}, before)
    assert after.figures["echo_work"].tolerance == Tolerance(7.5, percent=True)
    assert after.figures["echo_work"].value == 200


def test_a_baseline_survives_its_file(tmp_path: Path) -> None:
    """A baseline that is written and read again is equal, and its keys are sorted."""
    made = of(Reading(WORK, 100), Reading(FREE, None, "no heap"))
    path = tmp_path / "new" / "b.json"
    baseline.write(made, path)
    assert baseline.read(path, LX60) == made
    keys = list(json.loads(path.read_text())["figures"])
    assert keys == sorted(keys)


def refused(path: Path) -> str:
    """Return the error message for an invalid baseline."""
    with pytest.raises(GateError) as caught:
        baseline.read(path, LX60)
    return str(caught.value)


def test_no_baseline(tmp_path: Path) -> None:
    """The message says how to write one."""
    path = tmp_path / "b.json"
    assert refused(path) == (
        f"The baseline {path} does not exist: run the same command with --update to write one."
    )


def test_a_baseline_of_another_board(tmp_path: Path) -> None:
    """The message has both boards, and what to do."""
    path = tmp_path / "b.json"
    other = baseline.as_json(of(Reading(WORK, 1))) | {"board": "esp32"}
    path.write_text(json.dumps(other))
    assert refused(path) == (
        f"The baseline {path} is for board esp32, not lx60: give the baseline of lx60, or --board "
        "esp32."
    )


GOOD = baseline.as_json(of(Reading(WORK, 1)))
ENTRY = GOOD["figures"]["echo_work"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "JSONDecodeError"),
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "KeyError: 'format'"),
        (json.dumps(GOOD | {"format": 9}), "its format is 9, but this espbench knows 1"),
        (json.dumps(GOOD | {"figures": []}), "AttributeError"),
        (json.dumps(GOOD | {"figures": {"x": {}}}), "KeyError: 'better'"),
        (json.dumps(GOOD | {"figures": {"x": ENTRY | {"value": "7"}}}), "'7' is not a number"),
        (
            json.dumps(GOOD | {"figures": {"x": ENTRY | {"tolerance": True}}}),
            "True is not a number",
        ),
        (json.dumps(GOOD | {"figures": {"x": ENTRY | {"better": "up"}}}), "x is better 'up'"),
    ],
)
def test_damaged_baselines(text: str, why: str, tmp_path: Path) -> None:
    """The message says what is wrong with the file, and what to do."""
    path = tmp_path / "b.json"
    path.write_text(text)
    said = refused(path)
    assert said.startswith(f"The baseline {path} is damaged (")
    assert why in said
    assert said.endswith("or remove it and write a new one with --update.")


def test_a_baseline_that_is_not_text(tmp_path: Path) -> None:
    """Invalid UTF-8 is an error too."""
    path = tmp_path / "b.json"
    path.write_bytes(b"\xff\xfe")
    assert refused(path).startswith(f"The baseline {path} cannot be read (")


def test_a_baseline_that_cannot_be_written(tmp_path: Path) -> None:
    """The message says why."""
    (tmp_path / "file").touch()
    with pytest.raises(GateError, match=r"cannot be written \(.*\): name another place"):
        baseline.write(of(), tmp_path / "file" / "b.json")


@pytest.mark.parametrize("update", [[], ["--update"]])
def test_the_command_reports_a_bad_baseline_before_it_measures(
    update: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is built or booted for a damaged baseline, and --update does not replace it."""
    path = tmp_path / "b.json"
    path.write_text("{")
    nothing = ["--firmware", str(tmp_path / "none.elf")]
    assert cli.main(["gate", "--baseline", str(path), *nothing, *update]) == 1
    assert f"espbench: The baseline {path} is damaged" in capsys.readouterr().err
    assert path.read_text() == "{"


@pytest.fixture
def rows() -> list[Row]:
    """Return a row of every verdict."""
    lost = Kind("lost", "Lost", "bytes", Tolerance(1))
    never = Kind("never", "Never", "bytes", Tolerance(1))
    new = Kind("new", "New", "bytes", Tolerance(1))
    same = Kind("same", "Same", "bytes", Tolerance(1))
    before = of(
        Reading(WORK, 10_000), Reading(FREE, 5_000), Reading(lost, 1), Reading(same, 1),
        Reading(never, None, "no"),
    )  # fmt: skip
    return gate.compare(
        before,
        [
            Reading(WORK, 20_000), Reading(FREE, 9_000), Reading(lost, None, "It broke."),
            Reading(same, 1), Reading(never, None, "It never had one."), Reading(new, 3),
        ],
    )  # fmt: skip


OLD = {"compiler": "xtensa-lx106-elf-gcc (12.2.0-14+deb12u1+13+b2) 12.2.0", "tlslite-ng": "0.8.2"}
NEW = OLD | {"compiler": "xtensa-lx106-elf-gcc (13.3.0-16+14+b4) 13.3.0", "QEMU": "10.0.13"}


@pytest.mark.parametrize(
    ("before", "now", "names"),
    [
        (OLD, OLD, []),
        (OLD, OLD | {"compiler": "GCC 12.2.0"}, []),
        (OLD, OLD | {"compiler": "GCC 13.3.0"}, ["compiler"]),
        (OLD, OLD | {"compiler": "xtensa-lx106-elf-gcc (12.2.0-14+b9) 12.2.0"}, []),
        (OLD, OLD | {"QEMU": "10.0.13", "espbench": "9"}, []),
        (OLD, OLD | {"compiler": "not installed"}, []),
        ({}, OLD, []),
        (OLD, NEW, ["compiler"]),
        (OLD, OLD | {"compiler": "clang 12.2.0"}, ["compiler"]),
        (OLD, NEW | {"tlslite-ng": "0.9.0"}, ["compiler", "tlslite-ng"]),
    ],
)
def test_which_versions_differ(
    before: dict[str, str], now: dict[str, str], names: list[str]
) -> None:
    """Only versions that figures depend on count, and only if both sides are known."""
    assert [one.name for one in gate.differences(before, now)] == names


def test_dependencies() -> None:
    """Code depends on its compiler, a handshake on its peer, leaks and free heap on neither."""
    depends = {key: set(kind.depends_on) for key, kind in readings.KINDS.items()}
    for key, on in depends.items():
        made = key.endswith("_work") or key.startswith("stack_")
        handshake = key.startswith(("handshake_", "session_", "peak_", "heap_low_water"))
        expected = ({"compiler"} if made else set()) | ({"tlslite-ng"} if handshake else set())
        assert on == expected, key
    assert readings.section_kind(".text").depends_on == ("compiler",)
    assert readings.IMAGE_FILE.depends_on == ("compiler",)


@pytest.fixture
def other_compiler() -> tuple[list[Row], list[gate.Difference]]:
    """Return rows of a firmware from another compiler: it is smaller and slower, and leaks."""
    text = readings.section_kind(".text")
    before = baseline.make(
        LX60,
        [Reading(readings.ECHO, 30_000), Reading(text, 400_000), Reading(readings.LEAK_HTTP, 0)],
        OLD,
    )
    different = gate.differences(before.versions, NEW)
    found = [
        Reading(readings.ECHO, 40_000), Reading(text, 300_000), Reading(readings.LEAK_HTTP, 104),
    ]  # fmt: skip
    return gate.compare(before, found, different), different


def test_another_compiler_is_neither_praised_nor_refused(
    other_compiler: tuple[list[Row], list[gate.Difference]],
) -> None:
    """Figures that depend on the compiler are not comparable; others are still judged."""
    rows, different = other_compiler
    assert [row.verdict for row in rows] == ["not comparable", "not comparable", "worse"]
    assert gate_report.summary(rows, "lx60") == (
        "The gate for lx60 is closed: 1 of 1 figures got worse. 2 are not comparable."
    )
    open_rows = rows[:2]
    assert gate.passes(open_rows)
    assert gate_report.summary(open_rows, "lx60") == (
        "The gate for lx60 is open, but none of 2 figures is comparable."
    )
    assert gate_report.reasons(open_rows) == [
        "2 figures are not comparable: built with GCC 13.3.0, but the baseline with GCC 12.2.0."
    ]
    assert gate_report.what_next(open_rows, different) == (
        "To compare all figures, build and measure with GCC 12.2.0 like the baseline (in CI's "
        "container), or write your own baseline with --update and another --baseline FILE."
    )
    assert rows[0].sentence() == (
        "WebSocket echo is not comparable (30,000 instr before, 40,000 instr now): built with GCC "
        "13.3.0, but the baseline with GCC 12.2.0."
    )


def test_reports_of_another_compiler(
    other_compiler: tuple[list[Row], list[gate.Difference]],
) -> None:
    """JUnit skips incomparable figures; Markdown and JSON have the versions that differ."""
    rows, different = other_compiler
    (suite,) = ElementTree.fromstring(gate_report.junit(rows, "lx60"))
    counts = {name: suite.get(name) for name in ("tests", "failures", "skipped")}
    assert counts == {"tests": "3", "failures": "1", "skipped": "2"}
    text = gate_report.markdown(rows, "lx60", NEW, different)
    first, _, everything = text.partition("<details>")
    assert "like the baseline (in CI's container)" in first
    assert "- 2 figures are not comparable: built with GCC 13.3.0, but the baseline" in first
    assert "| WebSocket echo |" not in first
    assert "| +10,000 instr (+33.33 %) | 1 % | not comparable |" in everything
    data = gate_report.as_json(rows, "lx60", NEW, different)
    assert data["differences"] == {"compiler": {"before": "GCC 12.2.0", "now": "GCC 13.3.0"}}
    assert data["figures"]["echo_work"]["verdict"] == "not comparable"


def test_no_cell_of_a_log_s_table_is_cut_off() -> None:
    """The widest possible rows fit: the largest figures, not comparable."""
    kinds = list(readings.KINDS.values())
    before = baseline.make(LX60, [Reading(kind, 309_999_434) for kind in kinds], OLD)
    found = [Reading(kind, 307_456_638) for kind in kinds]
    rows = gate.compare(before, found, gate.differences(OLD, NEW))
    console = Console(width=WIDE, file=io.StringIO())
    console.print(gate_report.table(rows))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "…" not in shown
    assert shown.count("not comparable") == 8


@pytest.mark.parametrize(
    ("text", "compiler"),
    [
        ("xtensa-lx106-elf-gcc (12.2.0-14+deb12u1+13+b2) 12.2.0", "GCC 12.2.0"),
        ("xtensa-esp32-elf-gcc (crosstool-NG esp-13.2.0_20230928) 13.2.0", "GCC 13.2.0"),
        ("GCC: (Debian 12.2.0-14+deb12u1) 12.2.0", "GCC 12.2.0"),
        ("GNU C99 12.2.0 -mlongcalls -Os", "GCC 12.2.0"),
        ("GNU C++23 14.2.0 -mlongcalls -Os", "GCC 14.2.0"),
        ("clang version 17.0.1 (https://github.com/espressif/llvm-project 1)", "clang 17.0.1"),
        ("GNU AS 2.40", ""),
        ("not installed", ""),
        ("", ""),
    ],
)
def test_the_compiler_in_a_line(text: str, compiler: str) -> None:
    """Names and versions are uniform whatever wrote the line; assemblers do not count."""
    assert toolchain.compiler_in(text) == compiler
    assert toolchain.compiler_in(compiler) == compiler


def test_the_compiler_of_a_firmware(tiny_firmware: Callable[..., Path], tmp_path: Path) -> None:
    """It is that of most units; for an ELF without one, or another file, it is unknown."""
    assert toolchain.compiler_of(tiny_firmware()) == ""
    (tmp_path / "image.bin").write_bytes(b"\xe9")
    assert toolchain.compiler_of(tmp_path / "image.bin") == ""
    assert toolchain.compiler_of(tmp_path / "none") == ""
    units = ["GNU C99 13.3.0"] * 2 + ["GNU AS 2.43", "GNU C17 12.2.0"]
    assert toolchain.most(units) == "GCC 13.3.0"
    assert toolchain.most([]) == ""


def test_junit(rows: list[Row]) -> None:
    """Each figure is a test: worse ones fail, and unavailable ones are skipped with the reason."""
    (suite,) = ElementTree.fromstring(gate_report.junit(rows, "lx60"))
    counts = {name: suite.get(name) for name in ("tests", "failures", "skipped")}
    assert counts == {"tests": "6", "failures": "2", "skipped": "2"}
    cases = {case.get("name"): case for case in suite}
    failure = cases["Echo"].find("failure")
    assert failure is not None
    assert "1 % are tolerated" in str(failure.get("message"))
    skipped = cases["Never"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "Never is not available: It never had one."


def test_markdown(rows: list[Row]) -> None:
    """Changes come first, then reasons for missing figures, then all figures."""
    text = gate_report.markdown(rows, "lx60", {"QEMU": "7.2.22"})
    first, _, everything = text.partition("<details>")
    assert first.startswith(
        "### The gate for lx60 is closed: 2 of 5 figures got worse.\n\nFind the cause; if the "
        "change is intended, run the same `espbench gate` with --update and commit the baseline "
        "for review.\n\n| figure |"
    )
    assert (
        "| Echo | 10,000 instr | 20,000 instr | +10,000 instr (+100.00 %) | 1 % | **worse** |\n"
        in first
    )
    assert "- Lost is in the baseline but could not be measured: It broke.\n" in first
    assert "- Never is not available: It never had one.\n" in first
    assert "| Same |" not in first
    assert "| Same | 1 B | 1 B |  | 1 B | same |" in everything
    assert "QEMU 7.2.22" in everything


def test_json(rows: list[Row]) -> None:
    """The JSON has every figure, with both values."""
    data = gate_report.as_json(rows, "lx60", {})
    assert data["passed"] is False
    assert set(data["figures"]) == {"echo_work", "heap_free", "lost", "never", "new", "same"}
    assert data["figures"]["echo_work"]["change"] == 10_000


def test_an_open_gate_reports_improvements() -> None:
    """An improvement should be kept with --update, or it could be lost unnoticed."""
    row = only(Reading(FREE, 5_000), Reading(FREE, 9_000))
    assert gate_report.summary([row], "lx60") == (
        "The gate for lx60 is open: none of 1 figures got worse. "
        "1 got better: keep that with --update."
    )
    assert gate_report.what_next([row]) == ""


def test_a_lost_figure_of_a_firmware_read_from_outside() -> None:
    """Without the ELF file all of them are lost, so the advice names it first."""
    entry = baseline.Entry(7000, "bytes", Tolerance(256), "higher")
    known = Baseline("esp32", {}, {"stack.httpd": entry, "image.text": entry})
    reasons = {row.key: row.reason for row in gate.compare(known, [])}
    assert "its ELF file is missing (--firmware-elf)" in reasons["stack.httpd"]
    assert "ELF" not in reasons["image.text"]
