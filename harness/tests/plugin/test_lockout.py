# SPDX-License-Identifier: MIT
"""A project may have options, fixtures, markers and ini settings with the plugin's short names."""

from __future__ import annotations

from pathlib import Path

import pytest
from espbench import plugin
from inner_pytest import inner_pytest

COMMON = (
    *("board", "firmware", "firmware-elf", "evidence", "evidence-dir", "record", "shard"),
    *("ready-console", "ready-http", "ready-timeout", "pool", "ports", "report", "suites", "dut"),
)
"""Option names that a project for firmware is likely to use."""
CONFTEST = f"""
import pytest

def pytest_addoption(parser):
    for name in {COMMON}:
        parser.addoption(f"--{{name}}", default="of the project")
        parser.addini(name.replace("-", "_"), "of the project", default="of the project")

@pytest.fixture
def board(request):
    return request.config.getoption("--board")

@pytest.fixture
def device(board):
    return f"a device on {{board}}"
"""
TESTS = """
import pytest

def test_options(request):
    assert request.config.getoption("--firmware") == "mine.bin"
    assert request.config.getini("evidence") == "of the project"

def test_fixture(device):
    assert device == "a device on stm32"

@pytest.mark.boards("stm32", {"revision": 2})
def test_marker():
    pass

@pytest.mark.device("a positional argument")
def test_another_marker(device):
    assert device == "a device on stm32"

@pytest.mark.boards("stm32")
def test_marker_and_fixture(device):
    assert device == "a device on stm32"

def test_that_nothing_is_active(request):
    from espbench import plugin
    assert plugin.active(request.config) is None
"""
OURS = """
import pytest

@pytest.mark.boards("esp32")
def test_of_another_board():
    pass

@pytest.fixture
def board(board):
    return board

@pytest.mark.boards("misspelled")
def test_that_takes_a_fixture(board):
    pass
"""


def test_a_project_with_names_of_its_own(tmp_path: Path) -> None:
    """Options, fixtures and markers of the project, such as --firmware, work as it defines them."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_own.py").write_text(TESTS)
    options = ("--firmware=mine.bin", "--board=stm32", "-p", "no:pytest_embedded")
    assert "6 passed" in inner_pytest(tmp_path, *options)


def test_boards_of_espbench(tmp_path: Path) -> None:
    """The marker applies if it names a board of espbench, or the test uses a plugin fixture."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_boards.py").write_text(OURS)
    said = inner_pytest(tmp_path, "-rs", "-p", "no:pytest_embedded")
    assert "needs board esp32" in said
    assert "needs board misspelled" in said
    assert "2 skipped" in said


def test_every_name_begins_with_espbench() -> None:
    """All options and ini settings begin with espbench."""
    parser = pytest.Parser(_ispytest=True)
    plugin.pytest_addoption(parser)
    (group,) = (each for each in parser._groups if each.name == "espbench")
    names = [name for option in group.options for name in option.names()]
    assert len(names) >= 15
    assert [name for name in names if not name.startswith("--espbench")] == []
    assert [name for name in parser._inidict if not name.startswith("espbench_")] == []
