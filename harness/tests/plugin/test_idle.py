# SPDX-License-Identifier: MIT
"""A session that does not use espbench pays next to nothing; any use activates all of it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
from inner_pytest import inner_pytest

Inner = Callable[..., "tuple[int, str]"]

ALLOWED = {
    "espbench",
    "espbench.embedded",
    "espbench.embedded.services",
    "espbench.plugin",
    "espbench.plugin.options",
}
"""All modules of espbench that every session imports."""
PROVIDED = {"espbench.embedded.fixtures", "espbench.embedded.idle"}
"""Modules that every session with pytest-embedded imports."""
CONFTEST = """
import gc, signal, socket, sys

def pytest_configure(config):
    config.addinivalue_line("markers", "device(text): a marker of the project")

def pytest_unconfigure(config):
    loaded = sys.modules
    print("OURS", sorted(name for name in loaded if name.partition(".")[0] == "espbench"))
    print("MODULES", sorted(loaded))
    print("SIGTERM", signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
    sockets = [one for one in gc.get_objects() if isinstance(one, socket.socket)]
    print("CLAIMS", [one.getsockname() for one in sockets if one.family == socket.AF_UNIX])
    print("PLUGINS", [name for name, _ in config.pluginmanager.list_name_plugin()])
"""
EMPTY = """
import pytest

def test_empty():
    pass

@pytest.mark.device("of the project")
@pytest.mark.parametrize("fixture", [1])
def test_marked(fixture):
    pass
"""


def lines(said: str) -> dict[str, str]:
    """Return the lines that the conftest printed, by their first word."""
    words = ("OURS", "MODULES", "SIGTERM", "CLAIMS", "PLUGINS")
    pairs = [line.partition(" ") for line in said.splitlines()]
    return {word: rest for word, _, rest in pairs if word in words}


def project(folder: Path, source: str) -> None:
    """Write a project that inspects its session."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_inner.py").write_text(source)


@pytest.mark.parametrize("without", [(), ("-p", "no:xdist")], ids=["with-xdist", "without-xdist"])
def test_uses_nothing(tmp_path: Path, without: tuple[str, ...]) -> None:
    """It imports a small fixed set of modules, and claims, registers and prints nothing."""
    project(tmp_path, EMPTY)
    quiet = ("-W", "error", "-p", "no:pytest_embedded", "-p", "no:labgrid")
    said = inner_pytest(tmp_path, *quiet, *without)
    found = lines(said)
    assert set(ast.literal_eval(found["OURS"])) == ALLOWED
    bare = lines(inner_pytest(tmp_path, *quiet, *without, "-p", "no:espbench"))
    assert set(ast.literal_eval(found["MODULES"])) - ALLOWED == set(
        ast.literal_eval(bare["MODULES"])
    )
    assert found["SIGTERM"] == "True"
    assert found["CLAIMS"] == "[]"
    ours = [name for name in ast.literal_eval(found["PLUGINS"]) if name.startswith("espbench")]
    assert ours == ["espbench"]
    assert "espbench:" not in said
    assert not (tmp_path / "evidence").exists()


def test_beside_pytest_embedded(tmp_path: Path) -> None:
    """With pytest-embedded installed, a session without duts imports only two more modules."""
    project(tmp_path, EMPTY)
    said = inner_pytest(tmp_path, "-p", "no:labgrid")
    assert set(ast.literal_eval(lines(said)["OURS"])) == ALLOWED | PROVIDED
    assert "espbench:" not in said


CLASHES = """
import os, pathlib, pytest

@pytest.fixture
def app(): raise RuntimeError("nobody asked for it")

@pytest.fixture(params=[1, 2])
def port(request): return request.param

def test_it(request):
    assert request.fixturenames == ["request"]
    children = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    assert children == ""

class TestMore:
    @pytest.mark.usefixtures("tmp_path")
    def test_port(self, port): assert port in (1, 2)
"""
MAKES = "DutFactory.create(embedded_services='base').write(b'x')"
ASKS = {
    "dut": "def test_it(dut): dut.write('here'); dut.expect('here')\n",
    "factory": f"from pytest_embedded import DutFactory\ndef test_it(): {MAKES}\n",
    "late": f"def test_it():\n    from pytest_embedded import DutFactory\n    {MAKES}\n",
    "several": (
        "import pytest\n@pytest.mark.parametrize('count', [2], indirect=True)\n"
        "def test_it(dut, count): assert len(dut) == 2\n"
    ),
    "fixture": (
        "import pytest\n@pytest.fixture\ndef mine(dut): return dut\n"
        "def test_it(mine): mine.write('here')\n"
    ),
}
"""Sessions that use pytest-embedded without an option."""


def test_fixtures_of_the_project(tmp_path: Path) -> None:
    """A project's fixtures with names of pytest-embedded's work, and no process starts."""
    project(tmp_path, CLASHES)
    said = inner_pytest(tmp_path, "-p", "no:labgrid", "-W", "error")
    assert "3 passed" in said
    assert "espbench.embedded.log" not in lines(said)["OURS"]


@pytest.mark.parametrize("way", ASKS)
def test_pytest_embedded_by_itself(way: str, tmp_path: Path) -> None:
    """Projects that use pytest-embedded keep working, however they use it."""
    project(tmp_path, ASKS[way])
    said = inner_pytest(tmp_path, "-p", "no:labgrid")
    assert "1 passed" in said


def test_workers(tmp_path: Path) -> None:
    """A worker of pytest-xdist imports nothing more either."""
    source = "import sys\ndef test_it():\n    assert 'espbench.device.device' not in sys.modules\n"
    project(tmp_path, source + "    assert 'espbench.plugin.session' not in sys.modules\n")
    assert "1 passed" in inner_pytest(tmp_path, "-n1", "-p", "no:pytest_embedded")


USES = {
    "option": ("def test_it(): pass\n", ("--espbench-board=lx60",)),
    "ini": ("def test_it(): pass\n", ("-o", "espbench_board=esp32")),
    "fixture": ("def test_it(board): assert board.name == 'lx60'\n", ()),
    "later": ("def test_it(request): request.getfixturevalue('board')\n", ()),
}


@pytest.mark.parametrize("use", USES)
def test_uses_something(tmp_path: Path, use: str) -> None:
    """An option, an ini setting or a fixture activates espbench."""
    source, options = USES[use]
    project(tmp_path, source)
    said = inner_pytest(tmp_path, "-p", "no:pytest_embedded", *options)
    found = lines(said)
    assert "espbench.plugin.session" in ast.literal_eval(found["OURS"])
    assert found["SIGTERM"] == "False"
    if use != "later":
        assert said.count("espbench: board ") == 1


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "xdist"])
def test_a_fixture_alone(inner: Inner, tmp_path: Path, workers: tuple[str, ...]) -> None:
    """A test that fails without any option leaves evidence, and the summary reports it."""
    firmware = tmp_path / "tiny.elf"
    source = (
        "@pytest.fixture(scope='session')\n"
        f"def firmware():\n    import pathlib\n    return pathlib.Path({str(firmware)!r})\n"
        "@pytest.mark.device(ready=__import__('espbench').ConsoleReadiness('^ready'))\n"
        "def test_it(device): assert 0\n"
    )
    (tmp_path / "tiny.elf").touch()
    inner("def test_it(): pass", "--collect-only")  # makes the firmware
    project(tmp_path, f"import pytest\n{source}")
    said = inner_pytest(tmp_path, "-p", "no:pytest_embedded", *workers, status=1)
    assert "espbench: what broke" in said
    assert (tmp_path / "evidence" / "test_inner-test_it" / "console.txt").is_file()


def test_the_package_is_lazy() -> None:
    """Exports of the package are imported on first use, and a misspelled name is an error."""
    import espbench

    for name in espbench.__all__:
        assert getattr(espbench, name) is not None
    with pytest.raises(AttributeError, match="module 'espbench' has no attribute 'Devise'"):
        _ = getattr(espbench, "Devise")  # noqa: B009 (mypy rejects the attribute)
