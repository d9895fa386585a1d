# SPDX-License-Identifier: MIT
"""The history of figures, which concurrent and killed runs do not damage."""

from __future__ import annotations

import json
import multiprocessing
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from espbench.boards.builtin import BOARDS
from espbench.cli.main import main
from espbench.errors import ConfigError
from espbench.perf.figures import Figure
from espbench.reporting import history
from espbench.reporting.history import MOST, SHOWN, SLACK, Entry, Past, Trend
from espbench.reporting.html import render
from espbench.reporting.model import Run
from espbench.reporting.results import Results
from espbench.reporting.terminal import figures_table
from espbench.reporting.trend_chart import picture, words
from rich.console import Console

BOOT = Figure("boot", "Boot", 120.0, "ms")


def entry(number: int, value: float = 100.0, **more: str) -> Entry:
    """Return the entry of a run."""
    made = Entry(
        f"2026-01-01T00:{number // 60:02}:{number % 60:02}+00:00",
        "lx60", "firmware.elf", f"c{number}", {"boot": value}, {"QEMU": "7.2.0"},
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def test_runs_follow_each_other(tmp_path: Path) -> None:
    """Each run adds a line, and gets the earlier ones of its board and firmware only."""
    path = tmp_path / "new" / "history.jsonl"
    history.append(path, entry(1))
    history.append(path, entry(2, board="esp32"))
    history.append(path, entry(3, firmware="theirs.bin"))
    past = history.append(path, entry(4, 120.0))
    assert [it.commit for it in past.entries] == ["c1", "c4"]
    assert len(path.read_text().splitlines()) == 4
    seen = history.trend(past, BOOT)
    assert seen is not None
    assert seen.values == [100.0, 120.0]
    assert seen.names == ["2026-01-01 00:00 c1", "2026-01-01 00:00 c4"]


def test_bounded(tmp_path: Path) -> None:
    """The file does not grow for ever: the oldest runs are removed in batches."""
    path = tmp_path / "history.jsonl"
    lines = [json.dumps(entry(number).as_json()) for number in range(MOST + SLACK)]
    path.write_text("\n".join(lines) + "\n")
    past = history.append(path, entry(3000))
    kept = path.read_text().splitlines()
    assert len(kept) == MOST
    assert json.loads(kept[-1])["commit"] == "c3000"
    assert [it.name for it in tmp_path.iterdir()] == ["history.jsonl"]
    seen = history.trend(past, BOOT)
    assert seen is not None
    assert len(seen.values) == SHOWN


def many(path: Path, begin: int) -> None:
    """Act as one of several runs that end simultaneously."""
    for number in range(begin, begin + 30):
        history.append(path, entry(number))


def test_runs_at_once(tmp_path: Path) -> None:
    """Runs that end simultaneously lose no line, even if the file is rewritten meanwhile."""
    path = tmp_path / "history.jsonl"
    lines = [json.dumps(entry(number).as_json()) for number in range(MOST + SLACK - 20)]
    path.write_text("\n".join(lines) + "\n")
    spawn = multiprocessing.get_context("spawn")
    runs = [spawn.Process(target=many, args=(path, begin)) for begin in (2000, 2100, 2200)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert [run.exitcode for run in runs] == [0, 0, 0]
    commits = [json.loads(line)["commit"] for line in path.read_text().splitlines()]
    expected = {f"c{number}" for begin in (2000, 2100, 2200) for number in range(begin, begin + 30)}
    assert expected <= set(commits)
    assert len(commits) == len(set(commits)) <= MOST + SLACK


def test_damaged_line(tmp_path: Path) -> None:
    """A line from a killed run or a newer espbench is kept and reported; the others count."""
    path = tmp_path / "history.jsonl"
    newer = json.dumps({**entry(2).as_json(), "format": 99})
    path.write_text(json.dumps(entry(1).as_json()) + f"\n{newer}\n" + '{"format": 1, "at')
    past = history.append(path, entry(3))
    assert [it.commit for it in past.entries] == ["c1", "c3"]
    assert past.complaint(path) == (
        f"The history {path} has lines that are damaged or from a newer espbench (2, 3), which are "
        "ignored: remove them, or use that espbench."
    )
    assert len(path.read_text().splitlines()) == 4
    assert Past().complaint(path) == ""


def test_another_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is appended to a file that is not a history, and the run does not begin."""
    path = tmp_path / "notes.txt"
    path.write_text("milk\n")
    sentence = (
        f"{path} is not a history of figures: name another file with --history, or remove it."
    )
    with pytest.raises(ConfigError) as error:
        history.append(path, entry(1))
    assert str(error.value) == sentence
    firmware = tmp_path / "f.elf"
    firmware.touch()
    command = ["run", "--board", "lx60", "--firmware", str(firmware)]
    command += ["--out", str(tmp_path), "--history", str(path)]
    assert main(command) != 0
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert path.read_text() == "milk\n"
    with pytest.raises(ConfigError, match=r"cannot be read and written \(Is a directory\): name"):
        history.check_file(tmp_path)


def test_commit(tmp_path: Path) -> None:
    """The commit is git's, with a mark if files differ from it; without git, there is none."""
    assert history.commit(tmp_path) == ""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    (tmp_path / "a").write_text("1")
    for words_ in (["init", "-q"], ["add", "a"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *words_], check=True)
    name = history.commit(tmp_path)
    assert len(name) == 10
    (tmp_path / "a").write_text("2")
    assert history.commit(tmp_path) == f"{name}+"


def test_no_history() -> None:
    """A first run has no chart and no comparison."""
    assert history.trend(Past([entry(1)]), BOOT) is None
    assert picture(BOOT, None) == ""


def test_picture() -> None:
    """The line has a point for each run, and the description compares the last one."""
    seen = Trend([100.0, 110.0, 90.0, 120.0], ["a", "b", "<c>", "d"])
    svg = ElementTree.fromstring(picture(BOOT, seen))
    assert (svg[0].text, svg[1].text) == (
        "Boot in 4 runs",
        "median of 3: 100.0 ms, +20.0 %",
    )
    assert [title.text for title in svg.iter("title")][3] == "<c>: 90.0 ms"
    dots = list(svg.iter("circle"))
    heights = [float(dot.get("cy", "")) for dot in dots]
    assert heights.index(min(heights)) == 3, "the largest value is highest"
    assert [dot.get("class") for dot in dots] == ["then", "then", "then", "last"]


@pytest.mark.parametrize("values", [[0.0, 0.0], [5.0, 5.0], [5.0, 5.001]])
def test_flat(values: list[float]) -> None:
    """Figures that do not change, except for noise, give a flat line in the middle."""
    svg = ElementTree.fromstring(picture(BOOT, Trend(values, ["a", "b"])))
    heights = [float(dot.get("cy", "")) for dot in svg.iter("circle")]
    assert all(abs(height - 17) < 1 for height in heights)


def test_shown() -> None:
    """Report and terminal compare a figure with earlier runs."""
    past = Past([entry(1), entry(2, 120.0)])
    run = Run(BOARDS["lx60"], Results(), figures=(BOOT, Figure("x", "New", 1, "ms")), past=past)
    page = render(run, Path("report.html"))
    assert page.count('<svg class="trend"') == 1
    assert "run before: 100.0 ms, +20.0 %" in page
    console = Console(width=120, record=True, file=None)
    with console.capture() as captured:
        console.print(figures_table(run.figures, past))
    assert "run before: 100.0 ms, +20.0 %" in captured.get()
    assert words(BOOT, Trend([1.0, 3.0, 2.0], [""] * 3)) == "median of 2: 2.0 ms, +0.0 %"
