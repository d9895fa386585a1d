# SPDX-License-Identifier: MIT
"""The wheel, installed outside the tree, contains everything that it needs to work."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from espbench.boards.builtin import LX60
from espbench.firmware import sources
from espbench.firmware.build import builder_of
from espbench.perf import toolchain
from espbench.qemu.discovery import find_qemu
from installed import TREE, Installed, install, install_wheel

BASELINE = "ci/baseline-lx60.json"
TYPED = """
from espbench import Device
from espbench.plugin import DeviceFactory

def test_it(device: Device, device_factory: DeviceFactory) -> None:
    port: int = device_factory(name="second").port(80)
    device.heap().free.no_such_thing
"""


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return an environment with the wheel installed."""
    return install(tmp_path_factory.mktemp("wheel"))


def test_what_travels(installed: Installed) -> None:
    """Firmware, suites and baseline are in it byte for byte, and no generated files are."""
    listed = subprocess.run(
        ["git", "ls-files", "firmware", "scenarios", "conftest.py", "ci"],
        cwd=TREE,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    stay = ("firmware/tests/", "ci/chroots.py", "ci/newcomer.py")  # tests of the tree itself
    wanted = {n for n in listed if not n.startswith(stay) and (TREE / n).exists()}
    assert BASELINE in wanted
    with zipfile.ZipFile(installed.wheel) as wheel:
        for name in wanted:
            assert wheel.read(f"espbench/_tree/{name}") == (TREE / name).read_bytes(), name
        assert "espbench/py.typed" in wheel.namelist()
        made = (".pyc", ".pem", ".key", ".elf", ".o")
        assert not [name for name in wheel.namelist() if name.endswith(made)]
    assert os.access(installed.package / "_tree/firmware/ports/esp32/mpy_cross.sh", os.X_OK)


def test_pytest_in_an_empty_project(installed: Installed) -> None:
    """`pytest --espbench` boots and serves with nothing but the installed package."""
    said = installed.pytest("--espbench", "-v", "-p", "no:cacheprovider")
    assert "scenarios/test_smoke.py::test_boots PASSED" in said
    assert "scenarios/test_smoke.py::test_serves_what_it_should PASSED" in said
    assert "8 passed" in said
    assert not any(installed.project.iterdir())


def test_beside_tests_of_the_same_name(installed: Installed) -> None:
    """A project's own test_address.py and conftest.py do not interfere, with or without workers."""
    own = installed.project / "own"
    own.mkdir()
    (own / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef mine(): return 1\n")
    (own / "test_address.py").write_text("def test_own(mine):\n    assert mine == 1\n")
    for workers in ("0", "2"):
        said = installed.pytest("--espbench-suites=address,smoke", "-v", f"-n{workers}", "own")
        assert "11 passed" in said
        assert "own/test_address.py::test_own" in said
        assert "scenarios/network/test_address.py::test_" in said


@pytest.fixture(scope="session", params=["8", "9"], ids=["pytest-8", "pytest-9"])
def inside(
    request: pytest.FixtureRequest, installed: Installed, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """Return an environment with the wheel and this version of pytest, inside a project."""
    project = tmp_path_factory.mktemp("inside") / "project"
    here = pytest.__version__.partition(".")[0] == request.param
    other = () if here else (f"pytest=={request.param}.*",)
    made = install_wheel(installed.wheel, project / ".venv", project, *other)
    # pytest must not collect any of these.
    stray = "def test_stray(): raise AssertionError\n"
    for folder in (project / ".venv" / "bin", made.package.parent, made.package):
        (folder / "test_stray.py").write_text(stray)
    assert made.run("python", "-m", "pytest", "--version").startswith(f"pytest {request.param}.")
    return made


@pytest.mark.parametrize("argument", [(), (".",), ("tests",)], ids=["none", "dot", "folder"])
def test_environment_inside_of_the_project(inside: Installed, argument: tuple[str, ...]) -> None:
    """The suite runs along with the project's own tests, although pytest skips `.venv`."""
    (inside.project / "tests").mkdir(exist_ok=True)
    (inside.project / "tests" / "test_own.py").write_text("def test_own(): pass\n")
    said = inside.pytest("--espbench", "--collect-only", "-q", "-p", "no:cacheprovider", *argument)
    assert said.count("::test_") == 9, said
    assert said.count("scenarios/test_smoke.py::test_boots\n") == 1
    assert "tests/test_own.py::test_own\n" in said


def test_smoke_inside_of_the_project(inside: Installed) -> None:
    """The suite passes from there, with workers too."""
    shutil.rmtree(inside.project / "tests", ignore_errors=True)
    assert "8 passed" in inside.pytest("--espbench", "-p", "no:cacheprovider", "-n1")


def test_none_of_a_suite(installed: Installed) -> None:
    """A session that would run no test of a requested suite fails and says why."""
    refused = ("-o", "python_files=check_*.py")
    for workers in ("0", "2"):
        said = installed.pytest("--espbench", f"-n{workers}", *refused, status=4)
        assert said.count("scenarios/test_smoke.py was collected: check that") == 1
        assert "INTERNALERROR" not in said
    # Deselecting with -k is the user's choice.
    assert "/ 0 selected" in installed.pytest("--espbench", "-k", "no_such", status=5)


def test_unknown_suite(installed: Installed) -> None:
    """An unknown suite is a usage error of pytest."""
    said = installed.pytest("--espbench-suites=duel", status=4)
    assert "ERROR: There is no suite 'duel': choose from certificates, " in said


def test_run(installed: Installed) -> None:
    """`espbench run` runs a suite and writes its report to the project."""
    said = json.loads(installed.run("sh", "-c", "espbench run smoke --json 2>/dev/null"))
    assert said["good"], said
    assert said["suites"][0]["passed"] == 8
    assert (installed.project / "build" / "run" / "report.html").is_file()
    assert str(sources.cache_folder() / "build") in said["versions"]["firmware"]
    # Nothing but Python's own caches is written into the package.
    written = {path.name for path in (installed.package / "_tree").iterdir()}
    assert written <= {p.name for p in TREE.iterdir()} | {"__init__.py", "__pycache__"}


def test_gate(installed: Installed) -> None:
    """`espbench gate` measures the firmware and gets the figures of the committed baseline.

    With a compiler other than the baseline's, it reports the affected figures as not comparable.
    """
    baseline = installed.package / "_tree" / BASELINE
    said = installed.espbench("gate", "--quick", "--baseline", str(baseline))
    made_by = toolchain.compiler_in(json.loads(baseline.read_text())["versions"]["compiler"])
    here = toolchain.compiler_in(builder_of(LX60).compiler(LX60))
    assert made_by.startswith("GCC ")
    if here == made_by:
        assert "The gate for lx60 is open: none of 20 figures got worse." in said
    else:
        assert "The gate for lx60 is open: none of 8 figures got worse. 12 are not" in said
        assert f"built with {here}, but the baseline with {made_by}" in said


def test_doctor_without_a_compiler(installed: Installed, tmp_path: Path) -> None:
    """The doctor names the missing Debian packages, with one command that installs them."""
    for program in ("python", "make", "setpriv"):
        if where := shutil.which(program):
            (tmp_path / program).symlink_to(where)
    qemu = Path(find_qemu(LX60))  # not the first on PATH if Espressif's is installed as well
    (tmp_path / qemu.name).symlink_to(qemu)
    path = {"PATH": str(tmp_path)}
    program = str(installed.environment / "bin" / "espbench")
    said = installed.run(program, "doctor", "--board", "lx60", status=1, more=path)
    assert "xtensa-lx106-elf-gcc" in said
    assert (
        "\n  apt-get install --no-install-recommends gcc-xtensa-lx106 binutils-xtensa-lx106\n"
        in said
    )
    cache = {**path, "ESPBENCH_CACHE": str(tmp_path / "cache")}
    said = installed.run(program, "build", status=1, more=cache)
    assert said == (
        "espbench: The compiler xtensa-lx106-elf-gcc is not installed, but the lx60 firmware needs "
        "it: install it with "
        "apt-get install --no-install-recommends gcc-xtensa-lx106 binutils-xtensa-lx106 "
        "picolibc-xtensa-lx106-elf.\n"
    )


def test_types(installed: Installed, tmp_path: Path) -> None:
    """mypy uses the types of the installed package: it reports wrong use and nothing else."""
    source = tmp_path / "test_typed.py"
    source.write_text(TYPED)
    said = installed.run(
        *("python", "-m", "mypy", "--strict", "--no-error-summary", f"--cache-dir={tmp_path}/c"),
        str(source),
        status=1,
    )
    assert said == f'{source}:7: error: "int" has no attribute "no_such_thing"  [attr-defined]\n'
