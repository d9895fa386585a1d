# SPDX-License-Identifier: MIT
"""A run on all boards tests the available ones, and says which it omits and why."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.errors import ConfigError, ToolMissing
from espbench.firmware import build
from espbench.reporting.all_boards import boards as here
from espbench.reporting.all_boards import command, sessions
from espbench.reporting.all_boards.sessions import Plan
from espbench.reporting.parity.expected import TABLE
from espbench.util.timeouts import Deadline
from rich.console import Console

LX60, ESP32, ESP32C3, ESP32S3 = BOARDS.values()
CLONE = Path(__file__).resolve().parents[3]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a tree with its own results, and change to it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "test_http.py").touch()
    for table in (TABLE, command.OWN_TABLE):
        (tmp_path / table).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / table).touch()
    return tmp_path


def plan_of(tree: Path, *pytest: str, suites: Sequence[str] = (), own: bool = True) -> Plan:
    """Return the plan of `make test`, with these arguments for pytest."""
    return Plan(tree, tree / "build" / "test", suites, pytest, own_tests=own)


def test_boards_that_are_here() -> None:
    """By default all available boards are tested, and the others are named with a reason."""
    assert here.chosen({}) == here.chosen({"ESPBENCH_BOARDS": " "}) == []
    boards, left = here.select(
        [], {"esp32": "No QEMU.", "esp32c3": "No compiler.", "esp32s3": "No QEMU."}
    )
    assert boards == [LX60]
    assert left == {"esp32": "No QEMU.", "esp32c3": "No compiler.", "esp32s3": "No QEMU."}
    assert here.select([], {}) == ([LX60, ESP32, ESP32C3, ESP32S3], {})


def test_each_reason_once() -> None:
    """All tests and boards with the same reason share one short line."""
    long = f"Board esp32 needs QEMU, and none was found: install it with `x` ({'y' * 200}), or not."
    tests = [(f"harness/tests/boards/test_esp32.py::test_{n}", long) for n in range(30)]
    lines = command.left_out([*tests, ("scenarios/test_page.py", "no Chromium")], {"esp32": long})
    assert lines == [
        "left out: 30 tests (esp32) and board esp32: Board esp32 needs QEMU, and none was found",
        "left out: 1 test (page): no Chromium",
        "`espbench doctor` says how to get what is missing",
    ]


def test_boards_that_are_chosen() -> None:
    """Chosen boards are tested in their order, and the omitted ones are named."""
    wanted = here.chosen({"ESPBENCH_BOARDS": "esp32, lx60,esp32"})
    assert wanted == [ESP32, LX60]
    assert here.select(wanted, {}) == (
        wanted,
        dict.fromkeys(("esp32c3", "esp32s3"), "ESPBENCH_BOARDS does not name it."),
    )
    with pytest.raises(ConfigError, match=r"^Unknown board 'esp8266': choose one of "):
        here.chosen({"ESPBENCH_BOARDS": "esp8266"})


def test_chosen_board_that_is_absent(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chosen board that is not available is an error before anything is built."""
    monkeypatch.setenv("ESPBENCH_BOARDS", "lx60,esp32")
    monkeypatch.setattr(here, "absence", lambda board, _root: "No QEMU." * (board is ESP32))
    with pytest.raises(ConfigError) as caught:
        command.run(plan_of(tree), Console(width=144))
    assert str(caught.value) == (
        "ESPBENCH_BOARDS asks for board esp32, which cannot be tested here: No QEMU."
    )


def test_commands(tree: Path) -> None:
    """Most of the harness's tests run once, scenarios once per board; paths are kept."""
    base = [sys.executable, "-m", "pytest", "-rfExX", "-n", "auto", "--dist", "worksteal"]
    base.append("--espbench-board")
    lx60 = [*base, "lx60", f"--junitxml={tree}/build/test/lx60.xml"]
    esp32 = [*base, "esp32", f"--junitxml={tree}/build/test/esp32.xml"]
    all_of_them = f"{tree}/scenarios"
    boards = [LX60, ESP32]
    assert sessions.commands(boards, plan_of(tree, "-k", "ws")) == [
        [*lx60, "-k", "ws"],
        [*esp32, "-k", "ws", all_of_them, *sessions.OWN_ON_EACH_BOARD],
    ]
    assert sessions.commands(boards, plan_of(tree, own=False)) == [
        [*lx60, all_of_them],
        [*esp32, all_of_them],
    ]
    path = "scenarios/test_http.py::test_x"
    assert sessions.commands(boards, plan_of(tree, path)) == [[*lx60, path], [*esp32, path]]
    suite = f"{tree}/scenarios/test_http.py"
    assert sessions.commands(boards, plan_of(tree, "-x", suites=["http"])) == [
        [*lx60, "-x", suite],
        [*esp32, "-x", suite],
    ]


def test_tests_of_the_harness_on_each_board() -> None:
    """Each of them exists where pytest finds it."""
    assert [name for name in sessions.OWN_ON_EACH_BOARD if not (CLONE / name).is_file()] == []


@pytest.mark.parametrize(
    ("statuses", "status"),
    [([0], 0), ([0, 5], 0), ([0, 1], 1), ([5, 0], 5), ([1, 0], 1), ([0, 5, 2], 2)],
)
def test_status(statuses: list[int], status: int) -> None:
    """If one board fails, the run fails."""
    assert sessions.worst(statuses) == status


def test_absence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason for a board's absence is the first missing requirement."""
    monkeypatch.setattr(here, "find_qemu", lambda _board: "/qemu")
    assert here.absence(LX60, tmp_path) == (
        "Board lx60 cannot be built: firmware/ports/lx60/Makefile does not exist."
    )

    def missing(_board: object) -> str:
        raise ToolMissing("No QEMU here.")

    monkeypatch.setattr(here, "find_qemu", missing)
    assert here.absence(LX60, tmp_path) == "No QEMU here."


def test_nothing_runs_after_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C on the first board's run ends all of them."""
    ran: list[str] = []

    def run(command: Sequence[str], _root: Path) -> int:
        ran.append(command[0])
        return sessions.INTERRUPTED

    monkeypatch.setattr(sessions, "run", run)
    assert sessions.run_all([["lx60"], ["esp32"]], Path()) == [sessions.INTERRUPTED] * 2
    assert ran == ["lx60"]


CLEANS_UP = """
import os, signal, sys, time
def clean_up(*_):
    os.write(1, b"cleaned up\\n")  # the signal may arrive within print()
    sys.exit(2)
signal.signal(signal.SIGTERM, clean_up)
print("ready", flush=True)
time.sleep(60)
"""


def test_sigterm_is_forwarded() -> None:
    """SIGTERM to this process alone is forwarded to pytest, which cleans up."""
    program = (
        "import sys; from espbench.reporting.all_boards.sessions import run; "
        f"sys.exit(run([sys.executable, '-c', {CLEANS_UP!r}], '.'))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.stdout.read() == "cleaned up\n"
    assert process.returncode == sessions.INTERRUPTED


HELD = """
import os
from pathlib import Path
def test_held():
    Path(os.environ["BEGUN"]).write_text("x")
    with open(os.environ["GO_ON"], "rb", buffering=0) as go_on:
        go_on.read(1)
"""
RUN = """
import sys
from pathlib import Path
from rich.console import Console
from espbench.reporting.all_boards.command import run
from espbench.reporting.all_boards.sessions import Plan
tree = Path.cwd()
sys.exit(run(Plan(tree, tree / "build" / "test", pytest=sys.argv[1:], own_tests=True), Console()))
"""


def test_two_runs_at_once(tree: Path) -> None:
    """Two concurrent runs in one tree have separate results, and the second says where."""
    (tree / "firmware").symlink_to(CLONE / "firmware")
    (tree / "pytest.ini").write_text("[pytest]\naddopts = -p no:pytest_embedded\n")
    (tree / "scenarios" / "test_held.py").write_text(HELD)
    (tree / "scenarios" / "test_quick.py").write_text("def test_quick(): pass\n")
    environment = {**os.environ, "ESPBENCH_BOARDS": "lx60"}
    ends = {}
    for name in ("BEGUN", "GO_ON"):
        os.mkfifo(tree / name)
        environment[name] = str(tree / name)
        # Kept open here, so that neither side waits for the other to open it.
        ends[name] = os.open(tree / name, os.O_RDWR)

    def run(name: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", RUN, "-n0", f"scenarios/{name}"]
        return subprocess.Popen(words, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True)

    with run("test_held.py") as first:
        try:
            ready, _, _ = select.select([ends["BEGUN"]], [], [], Deadline(60).remaining())
            assert ready, "the first run did not reach its test"
            with run("test_quick.py") as second:
                assert second.stdout is not None
                output = second.stdout.read()
            assert second.returncode == 0, output
        finally:
            os.write(ends["GO_ON"], b"x")
            for end in ends.values():
                os.close(end)
        assert first.stdout is not None
        assert first.stdout.read().endswith(
            "espbench: board lx60 was tested: all passed\n"
            "espbench: results are in build/test\n"
            "espbench: left out: board esp32, board esp32c3 and board esp32s3: "
            "ESPBENCH_BOARDS does not name it\n"
        )
    assert first.returncode == 0
    assert output.startswith(
        "espbench: another run is writing to build/test, so the results of this one go to "
        "build/test-2\n"
    )
    assert "espbench: results are in build/test-2\n" in output
    assert 'name="test_held"' in (tree / "build/test/lx60.xml").read_text()
    assert 'name="test_quick"' in (tree / "build/test-2/lx60.xml").read_text()


def test_last_lines(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last lines say what was tested, the outcomes, and what was omitted."""
    monkeypatch.delenv("ESPBENCH_BOARDS", raising=False)
    monkeypatch.setattr(
        here, "absence", lambda board, _root: "No c3." * (board in (ESP32C3, ESP32S3))
    )
    built: list[object] = []
    monkeypatch.setattr(build, "build", lambda board, **_: built.append(board))

    def run(command: list[str], _root: Path) -> int:
        """Be interrupted on esp32; elsewhere skip the tests that need Chromium."""
        if "esp32" in command:
            return 2
        (tree / "build" / "test").mkdir(parents=True)
        (tree / "build" / "test" / "lx60.xml").write_text(
            '<testsuite><testcase classname="scenarios.test_page" name="test_x">'
            '<skipped message="no Chromium"/></testcase></testsuite>'
        )
        return 0

    monkeypatch.setattr(sessions, "run", run)
    assert command.run(plan_of(tree), Console(width=144)) == 2
    assert built == [LX60, ESP32]
    assert capsys.readouterr().out == (
        "espbench: board lx60 was tested: all passed\n"
        "espbench: board esp32 was tested: interrupted\n"
        "espbench: parity: lx60 and esp32 were not compared because the run was incomplete on "
        "esp32.\n"
        "espbench: results are in build/test\n"
        "espbench: left out: 1 test (page): no Chromium\n"
        "espbench: left out: board esp32c3 and board esp32s3: No c3\n"
        "espbench: `espbench doctor` says how to get what is missing\n"
    )
