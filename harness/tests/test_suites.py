"""`make test` runs the boards that are here, and says which it left out and why."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import suites
from espbench import build
from espbench.boards import BOARDS
from espbench.errors import ConfigError, ToolMissing

LX60, ESP32, ESP32C3 = (BOARDS[name] for name in ("lx60", "esp32", "esp32c3"))


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have a tree whose results are nobody else's."""
    monkeypatch.setattr(suites, "TREE", tmp_path)
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "test_http.py").touch()
    (tmp_path / "scenarios" / "parity.toml").touch()
    return tmp_path


def test_boards_that_are_here() -> None:
    """Without a choice all that are here are tested, and the others are named with the reason."""
    assert suites.chosen({}) == suites.chosen({"ESPBENCH_BOARDS": " "}) == []
    boards, left = suites.select([], {"esp32": "No QEMU.", "esp32c3": "No compiler."})
    assert boards == [LX60]
    assert left == [
        "board esp32 was left out: No QEMU.",
        "board esp32c3 was left out: No compiler.",
    ]
    assert suites.select([], {}) == ([LX60, ESP32, ESP32C3], [])


def test_boards_that_are_chosen() -> None:
    """A choice is obeyed in its order, and what it leaves out is said."""
    wanted = suites.chosen({"ESPBENCH_BOARDS": "esp32, lx60,esp32"})
    assert wanted == [ESP32, LX60]
    assert suites.select(wanted, {}) == (
        wanted,
        ["board esp32c3 was left out: ESPBENCH_BOARDS does not name it."],
    )
    with pytest.raises(ConfigError, match=r"^There is no board 'esp8266': choose one of "):
        suites.chosen({"ESPBENCH_BOARDS": "esp8266"})


def test_chosen_board_that_is_absent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A board that was asked for and is not here is an error, before anything is built."""
    monkeypatch.setenv("ESPBENCH_BOARDS", "lx60,esp32")
    monkeypatch.setattr(suites, "absence", lambda board: "No QEMU." if board is ESP32 else "")
    assert suites.main([]) == 1
    assert capsys.readouterr().err == (
        "espbench: ESPBENCH_BOARDS asks for board esp32, which cannot be tested here: No QEMU.\n"
    )


def test_commands() -> None:
    """The harness's tests run once, the scenarios once a board; paths are taken as they are."""
    base = [sys.executable, "-m", "pytest", "-n", "auto", "--dist", "worksteal", "--board"]
    lx60 = [*base, "lx60", "--junitxml=build/test/lx60.xml"]
    esp32 = [*base, "esp32", "--junitxml=build/test/esp32.xml"]
    assert suites.commands([LX60, ESP32], ["-k", "ws"]) == [
        [*lx60, "-k", "ws"],
        [*esp32, "-k", "ws", "scenarios"],
    ]
    path = "scenarios/test_http.py::test_x"
    assert suites.commands([LX60, ESP32], [path]) == [
        [*lx60, path],
        [*esp32, path],
    ]


@pytest.mark.parametrize(
    ("statuses", "status"),
    [([0], 0), ([0, 5], 0), ([0, 1], 1), ([5, 0], 5), ([1, 0], 1), ([0, 5, 2], 2)],
)
def test_status(statuses: list[int], status: int) -> None:
    """One board's failure is the run's."""
    assert suites.worst(statuses) == status


def test_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A board is absent for the first thing that is missing."""
    monkeypatch.setattr(suites, "find_qemu", lambda _board: "/qemu")
    assert suites.absence(LX60) == (
        "Board lx60 has no firmware/boards/lx60/Makefile to build it with."
    )

    def missing(_board: object) -> str:
        raise ToolMissing("No QEMU here.")

    monkeypatch.setattr(suites, "find_qemu", missing)
    assert suites.absence(LX60) == "No QEMU here."


def test_last_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The last lines say what was tested, how it went, and what was left out."""
    monkeypatch.delenv("ESPBENCH_BOARDS", raising=False)
    monkeypatch.setattr(suites, "absence", lambda board: "No c3." if board is ESP32C3 else "")
    built: list[object] = []
    monkeypatch.setattr(build, "build", lambda board, **_: built.append(board))
    monkeypatch.setattr(suites, "_run", lambda command: 2 * ("esp32" in command))
    assert suites.main([]) == 2
    assert built == [LX60, ESP32]
    assert capsys.readouterr().out == (
        "espbench: board lx60 was tested: all passed\n"
        "espbench: board esp32 was tested: interrupted\n"
        "espbench: parity: lx60 and esp32 were not compared, as the run did not come to its end on "
        "lx60 and esp32.\n"
        "espbench: results are in build/test\n"
        "espbench: board esp32c3 was left out: No c3.\n"
    )
