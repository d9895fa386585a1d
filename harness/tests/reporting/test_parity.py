# SPDX-License-Identifier: MIT
"""Parity: differences between two boards are found, and fail unless a file explains them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.cli.main import parse
from espbench.device.boot_phases import BootPhase
from espbench.errors import ConfigError
from espbench.reporting.all_boards.command import OWN_TABLE
from espbench.reporting.all_boards.sessions import OWN_ON_EACH_BOARD
from espbench.reporting.model import Plan, Run
from espbench.reporting.parity import render as show
from espbench.reporting.parity.command import by_board, two_boards
from espbench.reporting.parity.compare import Comparison, Side, compare
from espbench.reporting.parity.expected import TABLE, Known, Seen, like, read
from espbench.reporting.parity.load import nodeid, side_of_file
from espbench.reporting.results import Case, Results
from espbench.reporting.runner import as_json
from espbench.suites.names import suites
from rich.console import Console

TREE = Path(__file__).resolve().parents[3]
PASSED, FAILED = Seen("passed"), Seen("failed", "AssertionError: boom")
SKIPPED = Seen("skipped", "needs board lx60")
A, B, C = "scenarios/test_dual.py::a[x-y]", "scenarios/test_dual.py::b", "scenarios/test_http.py::c"
WHY = "The boards are made so."


def sides(
    lx60: dict[str, Seen], esp32: dict[str, Seen], *, selected: bool = False
) -> tuple[Side, Side]:
    """Return the results of two boards."""
    return Side("lx60", lx60, selected), Side("esp32", esp32, selected)


def known(scenario: str, lx60: str = "passed", esp32: str = "failed") -> Known:
    """Return an entry of the table."""
    return Known(scenario, {"lx60": lx60, "esp32": esp32}, WHY)


# ------------------------------------------------------------------ comparison


def test_alike() -> None:
    """Boards with equal outcomes have no rows, and the outcomes are counted."""
    same = {A: PASSED, B: SKIPPED, C: FAILED}
    found = compare(*sides(same, dict(same)), [])
    assert found == Comparison(("lx60", "esp32"), alike={"passed": 1, "skipped": 1, "failed": 1})
    assert found.good


@pytest.mark.parametrize("other", [FAILED, SKIPPED])
def test_unexplained(other: Seen) -> None:
    """An unexplained difference fails."""
    found = compare(*sides({A: PASSED, B: PASSED}, {A: PASSED, B: other}), [])
    assert [(row.scenario, row.seen) for row in found.unexplained] == [(B, (PASSED, other))]
    assert not found.good


def test_missing() -> None:
    """A scenario that either board's results lack is a difference."""
    found = compare(*sides({A: PASSED}, {B: PASSED}), [])
    assert [(row.scenario, *map(str, row.seen)) for row in found.rows] == [
        (A, "passed", "missing"),
        (B, "missing", "passed"),
    ]
    assert not found.good


def test_reasons_to_skip() -> None:
    """A different reason for a skip is a difference; a different failure message is not."""
    one = {A: PASSED, B: SKIPPED, C: FAILED}
    other = {A: PASSED, B: Seen("skipped", "no Chromium"), C: Seen("failed", "KeyError")}
    assert [row.scenario for row in compare(*sides(one, other), []).rows] == [B]


@pytest.mark.parametrize(("entry", "good"), [
    (known(A), True),
    (known("scenarios/test_dual.py::*"), True),
    (known("*[x-y]"), True),
    (known(A, esp32="failed: AssertionError*"), True),
    (known(A, esp32="failed: KeyError*"), False),
    (known(A, esp32="skipped"), False),
    (known(A, lx60="failed", esp32="passed"), False),
    (known(B), False),
    (Known(A, {"lx60": "passed", "esp32c3": "failed"}, WHY), False),
    (Known(A, {"lx60": "passed", "esp32c3": "skipped", "esp32": "failed"}, WHY), True),
])  # fmt: skip
def test_explained(entry: Known, good: bool) -> None:
    """An entry explains only the scenarios that it names, on its boards, with its outcomes."""
    found = compare(*sides({A: PASSED}, {A: FAILED}, selected=True), [entry])
    assert found.rows[0].known == (entry if good else None)
    assert found.good is good


def test_explained_skip() -> None:
    """An entry may name the reason or not."""
    seen = sides({A: SKIPPED}, {A: PASSED})
    for expected in ("skipped", "skipped: needs board *", "skipped: needs board lx60"):
        assert compare(*seen, [known(A, expected, "passed")]).good, expected
    assert not compare(*seen, [known(A, "skipped: no Chromium", "passed")]).good


def test_stale() -> None:
    """An entry whose difference no longer exists fails, even next to valid ones."""
    needed, gone = known(A), known(B)
    found = compare(*sides({A: PASSED, B: PASSED}, {A: FAILED, B: PASSED}), [needed, gone])
    assert found.stale == (gone,)
    assert not found.unexplained
    assert not found.good


def test_stale_glob() -> None:
    """A pattern is not stale as long as one of its scenarios differs."""
    seen = sides({A: PASSED, B: PASSED}, {A: FAILED, B: PASSED})
    assert compare(*seen, [known("scenarios/*")]).good


def test_stale_without_scenario() -> None:
    """An entry for a missing scenario is stale, unless only some scenarios were selected."""
    gone = known("scenarios/test_dual.py::renamed")
    assert compare(*sides({A: PASSED}, {A: PASSED}), [gone]).stale == (gone,)
    assert compare(*sides({A: PASSED}, {A: PASSED}, selected=True), [gone]).good
    one, other = sides({A: PASSED}, {A: PASSED})
    assert compare(one, Side("esp32", other.scenarios, selected=True), [gone]).good


def test_not_stale_for_other_boards() -> None:
    """An entry about other boards, or one that lists these as alike, is not stale."""
    entries = [
        Known(A, {"lx60": "passed", "esp32c3": "failed"}, WHY),
        Known(A, {"lx60": "passed", "esp32": "passed", "esp32c3": "failed"}, WHY),
    ]
    assert compare(*sides({A: PASSED}, {A: PASSED}), entries).good


def test_nothing_passed() -> None:
    """Two boards on which nothing works are alike, but that does not count as parity."""
    found = compare(*sides({A: FAILED, B: SKIPPED}, {A: FAILED, B: SKIPPED}), [])
    assert found.complaints == (
        "No scenario passed on lx60 or esp32: fix that before comparing them.",
    )
    assert not found.good


def test_incomplete_run() -> None:
    """An incomplete run proves nothing."""
    one, other = Side("lx60", {A: PASSED}), Side("esp32", {A: PASSED}, complaint="pytest crashed.")
    found = compare(one, other, [])
    assert found.complaints == ("The run on esp32 was incomplete: pytest crashed.",)
    assert not found.good


@pytest.mark.parametrize(("pattern", "text", "fits"), [
    ("a", "a", True), ("a", "ab", False), ("a*", "ab", True), ("*b", "ab", True),
    ("a[bc]", "a[bc]", True), ("a[bc]", "ab", False), ("a?", "ab", False), ("a?", "a?", True),
    ("a*d", "a[b\nc]d", True), ("*", "", True),
])  # fmt: skip
def test_patterns(pattern: str, text: str, fits: bool) -> None:
    """Only * is special; the brackets of node IDs are literal."""
    assert like(pattern, text) is fits


# -------------------------------------------------------------- the table's file


def table(tmp_path: Path, text: str) -> Path:
    """Write a table's file and return its path."""
    path = tmp_path / "parity.toml"
    path.write_text(text)
    return path


GOOD = f"""
[[difference]]
scenario = "scenarios/test_dual.py::*"
boards = {{ lx60 = "passed", esp32 = "skipped: needs *" }}
why = "{WHY}"
"""


def test_read(tmp_path: Path) -> None:
    """Entries are read in order; a file without entries is valid."""
    assert read(table(tmp_path, GOOD)) == [
        known("scenarios/test_dual.py::*", esp32="skipped: needs *")
    ]
    assert read(table(tmp_path, "# none\n")) == []


def test_table_of_the_tree() -> None:
    """The table in the tree can be read, and names scenarios."""
    assert read(TREE / TABLE)


@pytest.mark.parametrize("board", [name for name in BOARDS if name != "lx60"])
def test_boards_of_the_tree(board: str) -> None:
    """The tree's table explains each suite that is marked for some boards."""
    whole = "pytestmark = pytest.mark.boards("
    files = [*suites(TREE).values(), *(TREE / name for name in OWN_ON_EACH_BOARD)]
    marked = [path for path in files if path.is_file() and whole in path.read_text()]
    names = [f"{path.relative_to(TREE).as_posix()}::test_x" for path in marked]
    assert names
    ours = Side("lx60", dict.fromkeys(names, PASSED))
    other = Side(board, dict.fromkeys(names, SKIPPED))
    expected = [entry for table in (TABLE, OWN_TABLE) for entry in read(TREE / table)]
    entries = [entry for entry in expected if entry.scenario.endswith("::*")]
    found = compare(ours, other, entries)
    assert found.good, show.markdown(found)


FIRST = "{0}, difference 1 (scenarios/test_dual.py::*)"
BAD = {
    "no list": (
        'difference = "x"',
        "{0}: difference is not a list: write [[difference]] above each entry.",
    ),
    "word": (
        "[[differences]]",
        "{0}: unknown key 'differences': write [[difference]] above each known difference.",
    ),
    "no TOML": ("[[", "{0} is not valid TOML (*): correct it."),
    "key": (
        GOOD + "reason = 'x'",
        "{0}, difference 1: unknown key 'reason': use scenario, boards, why.",
    ),
    "no scenario": (
        "[[difference]]",
        "{0}, difference 1 names no scenario: write its node ID, with * for anything, such as "
        'scenario = "scenarios/protocol/test_dual.py::*".',
    ),
    "second entry": (GOOD + "[[difference]]", "{0}, difference 2 names no scenario: *"),
    "no why": (
        GOOD.replace("why", "#"),
        FIRST + " has no valid explanation: under why, write in one line why the boards differ, "
        "ending in a full stop.",
    ),
    "no sentence": (GOOD.replace("so.", "so"), FIRST + " has no valid explanation: *"),
    "two lines": (GOOD.replace("are made", r"are\nmade"), FIRST + " has no valid explanation: *"),
    "no boards": (
        GOOD.replace("boards", "#"),
        FIRST + " does not have the outcomes of two boards: write them as in "
        'boards = {{ lx60 = "passed", esp32 = "skipped" }}.',
    ),
    "one board": (
        GOOD.replace('lx60 = "passed",', ""),
        FIRST + " does not have the outcomes of two boards: *",
    ),
    "board": (
        GOOD.replace("esp32", "esp8266"),
        FIRST + ": unknown board 'esp8266': choose from esp32, esp32c3, esp32s3, lx60.",
    ),
    "outcome": (
        GOOD.replace("passed", "fine"),
        FIRST + ": the outcome of lx60 is 'fine': use one of passed, failed, skipped, missing; "
        "failed and skipped may have a reason, as in 'skipped: needs *'.",
    ),
    "number": (GOOD.replace('"passed"', "1"), FIRST + ": the outcome of lx60 is 1: *"),
    "reason": (
        GOOD.replace("passed", "passed: luck"),
        FIRST + ": the outcome of lx60 is 'passed: luck', but only failed and skipped can have a "
        "reason: remove it.",
    ),
    "alike": (
        GOOD.replace("skipped: needs *", "passed"),
        FIRST + " has the same outcome for all boards: remove it, or correct the outcomes.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_table(tmp_path: Path, name: str) -> None:
    """For an invalid entry, the message names the entry and says what to write."""
    text, expected = BAD[name]
    path = table(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        read(path)
    assert like(expected.format(path), str(error.value)), str(error.value)


def test_missing_table(tmp_path: Path) -> None:
    """A missing table is an error."""
    with pytest.raises(ConfigError) as error:
        read(tmp_path / "none.toml")
    assert str(error.value) == (
        f"{tmp_path}/none.toml with the known differences cannot be read (No such file or "
        "directory): check --table."
    )


# ------------------------------------------------------------------- results


def finished(board: str = "lx60", **more: object) -> Run:
    """Return a run with one of everything."""
    cases = (
        Case(A, "passed", 1.0),
        Case(B, "failed", 1.0, "AssertionError: boom\nassert 0"),
        Case(C, "skipped", 0.0, "needs board lx60"),
    )
    results = Results(
        {case.nodeid: case for case in cases}, {"scenarios/test_bad.py": "SyntaxError"}
    )
    return Run(BOARDS[board], results, boot=(BootPhase(0.5, "ready", "serving"),), **more)  # type: ignore[arg-type]


def saved(tmp_path: Path, run: Run) -> Path:
    """Write a run's file and return its path."""
    path = tmp_path / "run.json"
    path.write_text(json.dumps(as_json(run)))
    return path


def test_side_of_a_run(tmp_path: Path) -> None:
    """A run's file has all outcomes, with failures in one line, and unreadable suites."""
    side = side_of_file("lx60", saved(tmp_path, finished()))
    assert side == Side(
        "lx60",
        {
            A: PASSED,
            B: FAILED,
            C: SKIPPED,
            "scenarios/test_bad.py": Seen("failed", "This suite could not be read: SyntaxError"),
        },
        boot=(BootPhase(0.5, "ready", "serving"),),
    )


def test_side_of_a_run_of_some(tmp_path: Path) -> None:
    """A run's file says whether all scenarios were selected, and whether it was complete."""
    complaint = "No scenario passed: all were skipped."
    side = side_of_file("lx60", saved(tmp_path, finished(selected=True, complaint=complaint)))
    assert (side.selected, side.complaint) == (True, "")
    side = side_of_file("lx60", saved(tmp_path, finished(ended=False, complaint="It crashed.")))
    assert side.complaint == "It crashed."


def test_unreadable_suite(tmp_path: Path) -> None:
    """A suite that could not be read on either board is a complaint, in both file formats."""
    side = side_of_file("lx60", saved(tmp_path, finished(ended=False)))
    assert side.complaint == "A suite could not be read."
    path = tmp_path / "junit.xml"
    path.write_text(
        '<testsuite><testcase classname="" name="scenarios.test_bad">'
        '<error message="collection failure"/></testcase></testsuite>'
    )
    side = side_of_file("lx60", path)
    assert side.complaint == "A suite could not be read."
    assert side.scenarios == {"scenarios/test_bad.py": Seen("failed", "collection failure")}


def test_suite_that_skips_itself(tmp_path: Path) -> None:
    """A suite that skips itself as a whole does not make the run incomplete."""
    path = tmp_path / "junit.xml"
    path.write_text(
        '<testsuite><testcase classname="" name="scenarios.test_page"><skipped message="collection '
        "skipped\">('/t/scenarios/test_page.py', 23, \"Skipped: pip install 'x[y]'\")</skipped>"
        "</testcase></testsuite>"
    )
    side = side_of_file("lx60", path)
    assert side.scenarios == {"scenarios/test_page.py": Seen("skipped", "pip install 'x[y]'")}
    assert side.complaint == ""


@pytest.mark.parametrize(("more", "selects"), [
    ({}, False), ({"suites": ["dual"]}, True), ({"keywords": "x"}, True),
    ({"pytest": ["--lf"]}, True),
])  # fmt: skip
def test_selection(more: dict[str, object], selects: bool) -> None:
    """Suites, keywords and arguments for pytest may all exclude scenarios."""
    options = {"suites": [], **more}
    plan = Plan(board=BOARDS["lx60"], firmware=None, out=Path(), **options)  # type: ignore[arg-type]
    assert plan.selects is selects


JUNIT = """<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest">
<testcase classname="scenarios.test_dual" name="a[x-y]" time="1"/>
<testcase classname="scenarios.test_dual" name="b"><failure message="AssertionError: boom&#10;x">y
</failure></testcase>
<testcase classname="scenarios.test_dual" name="b" />
<testcase classname="scenarios.test_http" name="c"><skipped type="pytest.skip"
 message="needs board lx60">z</skipped></testcase>
<testcase classname="scenarios.test_http" name="d"><skipped type="pytest.xfail" message="known"/>
</testcase>
<testcase classname="scenarios.test_http" name="e"><error message="failed on setup"/></testcase>
<testcase classname="harness.tests.test_line" name="f"/>
</testsuite></testsuites>"""


def test_side_of_junit(tmp_path: Path) -> None:
    """JUnit XML gives the same, without tests of no board; one failure of a test counts."""
    path = tmp_path / "junit.xml"
    path.write_text(JUNIT)
    side = side_of_file("lx60", path)
    assert side.scenarios == {
        A: PASSED,
        B: FAILED,
        C: SKIPPED,
        "scenarios/test_http.py::d": Seen("skipped", "fails as expected: known"),
        "scenarios/test_http.py::e": Seen("failed", "failed on setup"),
    }
    assert side.selected  # unknown, and no entry may count as stale because of that


@pytest.mark.parametrize(("classname", "name", "expected"), [
    ("scenarios.test_dual", "test_a[b.c::d/e]", "scenarios/test_dual.py::test_a[b.c::d/e]"),
    ("test_dual.TestIt.TestThat", "test_a", "test_dual.py::TestIt::TestThat::test_a"),
    ("my.dual_test", "test_a", "my/dual_test.py::test_a"),
    ("test_all.test_dual", "test_a", "test_all/test_dual.py::test_a"),
    ("", "scenarios.test_dual", "scenarios/test_dual.py"),
])  # fmt: skip
def test_nodeids_of_junit(classname: str, name: str, expected: str) -> None:
    """JUnit's class name and name become a node ID again."""
    assert nodeid(classname, name) == expected


@pytest.mark.parametrize("text", [
    "", "{}", "[]", "null", "<testsuites>", "hello", '{"board": "lx60", "scenarios": 1}',
    '<t><testcase classname="somewhere.else" name="a"/></t>',
    '{"board": "lx60", "scenarios": [{"scenario": "a", "outcome": "fine", "message": ""}]}',
])  # fmt: skip
def test_no_results(tmp_path: Path, text: str) -> None:
    """A file without results is an error."""
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        side_of_file("lx60", path)
    assert str(error.value) == (
        f"{path} does not contain results: give run.json of espbench run, or JUnit XML of pytest."
    )


def test_unreadable_results(tmp_path: Path) -> None:
    """A file that does not exist or is not text is an error."""
    with pytest.raises(ConfigError) as error:
        side_of_file("lx60", tmp_path / "none")
    assert str(error.value) == (
        f"{tmp_path}/none cannot be read (No such file or directory): check --results."
    )
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(ConfigError) as error:
        side_of_file("lx60", tmp_path / "binary")
    assert str(error.value) == (
        f"{tmp_path}/binary cannot be read (it is not a text file): check --results."
    )


def test_results_of_another_board(tmp_path: Path) -> None:
    """A file with results of another board is an error."""
    path = saved(tmp_path, finished("lx60"))
    with pytest.raises(ConfigError) as error:
        side_of_file("esp32", path)
    assert str(error.value) == f"{path} is for board lx60, not esp32: check --results."


def test_empty_results(tmp_path: Path) -> None:
    """A run without scenarios cannot be compared."""
    path = tmp_path / "junit.xml"
    path.write_text("<testsuites/>")
    with pytest.raises(ConfigError) as error:
        side_of_file("lx60", path)
    assert str(error.value) == f"{path} has no scenarios: run the suites again."


# ------------------------------------------------------------------- options


@pytest.mark.parametrize("text", ["lx60", "lx60,", "lx60,lx60", "lx60,esp32,esp32c3", ""])
def test_two_boards(text: str) -> None:
    """The option needs two different boards."""
    with pytest.raises(ConfigError) as error:
        two_boards(text)
    assert str(error.value) == (
        f"--boards {text!r} does not name two boards: write it as in --boards lx60,esp32."
    )
    assert two_boards("lx60, esp32") == ("lx60", "esp32")


@pytest.mark.parametrize(("texts", "message"), [
    (["x.elf"], "--firmware 'x.elf' is not BOARD=PATH: write it as in --firmware esp32=PATH."),
    (["lx60="], "--firmware 'lx60=' is not BOARD=PATH: write it as in --firmware esp32=PATH."),
    (["c3=x"], "--firmware is for board 'c3', which is not compared: add it to --boards "
     "(lx60,esp32)."),
    (["lx60=a", "lx60=b"], "--firmware is given twice for board lx60: give it once."),
])  # fmt: skip
def test_by_board(texts: list[str], message: str) -> None:
    """Paths are given by board, once, for boards that are compared."""
    with pytest.raises(ConfigError) as error:
        by_board("--firmware", texts, ("lx60", "esp32"))
    assert str(error.value) == message
    assert by_board("--firmware", ["esp32=a=b"], ("lx60", "esp32")) == {"esp32": Path("a=b")}


def test_arguments_for_pytest() -> None:
    """Arguments after -- go to pytest, and are not taken for suites."""
    options = parse(["parity", "dual", "http", "--boards", "a,b", "--", "-m", "not slow", "--"])
    assert (options.suite, options.pytest) == (["dual", "http"], ["-m", "not slow", "--"])
    assert parse(["parity", "dual"]).pytest == []


# ------------------------------------------------------------------- shown


def mixed() -> Comparison:
    """Return a comparison with one of everything."""
    entries = [known("scenarios/test_dual.py::*", esp32="failed: Assert*"), known("gone")]
    lx60 = {A: PASSED, B: PASSED, C: PASSED, "d": PASSED}
    esp32 = {A: FAILED, B: FAILED, C: Seen("skipped", "a|<b>"), "d": PASSED}
    return compare(*sides(lx60, esp32), entries)


def test_summary() -> None:
    """One sentence counts what is alike and what differs."""
    assert show.summary(mixed()) == (
        "lx60 and esp32: alike: 1 (1 passed); different: 3 (2 explained, 1 unexplained); "
        "stale in the table: 1."
    )


def test_table() -> None:
    """The terminal has a row for each scenario that differs, and for each stale entry."""
    console = Console(file=io.StringIO(), width=160)
    console.print(show.table(mixed()))
    assert isinstance(console.file, io.StringIO)
    lines = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in console.file.getvalue().splitlines()
        if "│" in line
    ]
    assert lines == [
        [A, "passed", "failed: AssertionError: boom", WHY],
        [B, "passed", "failed: AssertionError: boom", WHY],
        [C, "passed", "skipped: a|<b>", "unexplained"],
        ["gone", "passed", "failed", show.STALE],
    ]


def test_markdown() -> None:
    """The Markdown has explained rows by entry, others one by one, with escaped cells."""
    assert show.markdown(mixed()).splitlines() == [
        show.summary(mixed()),
        "",
        "| scenario | lx60 | esp32 | why |",
        "|---|---|---|---|",
        f"| `scenarios/test_dual.py::*` (2) | passed | `failed: Assert*` | {WHY} |",
        f"| `{C}` | passed | `skipped: a\\|<b>` | **unexplained** |",
        f"| gone | passed | failed | **{show.STALE}** |",
    ]


def test_markdown_of_nothing() -> None:
    """Boards that are alike need no table; a complaint is always shown."""
    alike = compare(*sides({A: PASSED}, {A: PASSED}), [])
    assert show.markdown(alike) == f"{show.summary(alike)}\n"
    broken = compare(*sides({A: FAILED}, {A: FAILED}), [])
    assert "**No scenario passed" in show.markdown(broken)


def test_json() -> None:
    """The JSON has outcomes by board, and null for unexplained differences."""
    data = json.loads(json.dumps(show.as_json(mixed())))
    assert (data["good"], data["boards"]) == (False, ["lx60", "esp32"])
    assert [row["why"] for row in data["rows"]] == [WHY, WHY, None]
    assert data["rows"][2]["outcomes"]["esp32"] == {"outcome": "skipped", "message": "a|<b>"}
    assert [entry["scenario"] for entry in data["stale"]] == ["gone"]


def test_page() -> None:
    """The page has all rows and both boots, loads nothing, and escapes messages."""
    boots = {"lx60": [BootPhase(0.1, "ready")], "esp32": [BootPhase(3.0, "ready")]}
    html = show.page(mixed(), boots)
    for expected in (
        "lx60 against esp32", 'class="badge failed"', A, "a|&lt;b&gt;", WHY, "unexplained",
        show.STALE, ">esp32</text>", "3,000.0 ms",
    ):  # fmt: skip
        assert expected in html, expected
    for loads in ("http://", "https://", "<script", "<link", "@import", "url("):
        assert loads not in html, loads


def test_page_of_nothing() -> None:
    """The page says that boards are alike, or that the comparison cannot be trusted."""
    html = show.page(compare(*sides({A: PASSED}, {A: PASSED}), []), {})
    assert "None." in html
    assert 'class="badge passed"' in html
    html = show.page(compare(*sides({A: FAILED}, {A: FAILED}), []), {})
    assert "No scenario passed" in html
