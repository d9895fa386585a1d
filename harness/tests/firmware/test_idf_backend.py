# SPDX-License-Identifier: MIT
"""MicroPython's esp32 port is built with ESP-IDF's own tools, and missing tools are reported."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from espbench import __version__
from espbench.boards.builtin import BOARDS
from espbench.cli import main as cli
from espbench.errors import BuildError, ToolMissing
from espbench.firmware import build, sources
from espbench.firmware import idf_env as idf
from espbench.firmware.build import builder_of
from espbench.firmware.idf_backend import MPY_CROSS, build_environment, idf_command, merge_command
from espbench.firmware.job import Job
from espbench.util import idf_tools
from fake_idf import fake_idf, fake_micropython, fill_micropython
from rich.console import Console

BOARD = BOARDS["esp32"]
TREE = Path(__file__).parents[3]
GET_IDF = "espbench setup --board esp32"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a tree with the board's definition, on a machine without Espressif's tools."""
    folder = tmp_path / "firmware" / "boards" / "ESP32_BENCH"
    folder.mkdir(parents=True)
    (folder / "mpconfigboard.cmake").write_text("set(IDF_TARGET esp32)\n")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("IDF_TOOLS_PATH", str(tmp_path / "tools"))
    monkeypatch.setenv("ESPBENCH_CACHE", str(tmp_path / "cache"))
    ours = ("MICROPY_GIT_TAG", "MICROPY_GIT_HASH", "ESPBENCH_MICROPYTHON")
    for name in ("IDF_PATH", "IDF_PYTHON_ENV_PATH", *ours):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(idf_tools, "USUAL_PLACES", ("~/esp/esp-idf",))
    monkeypatch.setattr(sources, "ensure", lambda *_names, **_options: sources.folders())
    return tmp_path


@pytest.fixture
def complete(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a tree on a machine that has everything."""
    monkeypatch.setenv("IDF_PATH", str(fake_idf(tree)))
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(fake_micropython(tree)))
    return tree


def run(tree: Path, board_dir: Path | None = None, variant: str = "") -> build.Built:
    """Build without output."""
    quiet = Console(file=io.StringIO())
    return build.build(BOARD, root=tree, console=quiet, board_dir=board_dir, variant=variant)


def refused(tree: Path) -> str:
    """Return the error message of a build for which a tool is missing."""
    with pytest.raises(ToolMissing) as error:
        run(tree)
    return str(error.value)


def test_builds_once(complete: Path) -> None:
    """ESP-IDF builds in MicroPython's port, esptool merges, and the next build does nothing."""
    built = run(complete)
    out = complete / "build" / "esp32"
    assert (built.firmware, built.rebuilt) == (out / "firmware.bin", True)
    assert built.firmware.read_text() == "merged by esptool for esp32\n"
    assert (out / "firmware.elf").read_text() == f"{complete}/esp-idf\n"
    assert built.made_with == {
        "ESP-IDF": "5.4.1",
        "MicroPython": "1.25.0",
        "compiler": "gcc 14.2.0",
    }
    log = (complete / "log").read_text().splitlines()
    builds = [line for line in log if "idf.py" in line]
    assert [line.partition(":")[0] for line in builds] == [f"{complete}/micropython/ports/esp32"]
    again = run(complete)
    assert (again.rebuilt, again.sha256, again.made_with) == (False, built.sha256, built.made_with)
    assert (complete / "log").read_text().splitlines() == log
    stamp = json.loads((out / build.STAMP).read_text())
    assert stamp["variables"]["IDF_VERSION"] == "5.4.1"


def test_built_again_when_something_changed(complete: Path) -> None:
    """A changed board definition, MicroPython source or ESP-IDF version causes a rebuild."""
    assert run(complete).rebuilt
    for changed in (
        complete / "firmware" / "boards" / "ESP32_BENCH" / "mpconfigboard.h",
        complete / "micropython" / "py" / "new.c",
    ):
        changed.write_text("#define NEW\n")
        assert run(complete).rebuilt
        assert not run(complete).rebuilt
    version = complete / "esp-idf" / "tools" / "cmake" / "version.cmake"
    version.write_text(version.read_text().replace("PATCH 1", "PATCH 2"))
    left = complete / "build" / "esp32" / "idf" / "left"
    left.touch()
    assert run(complete).made_with["ESP-IDF"] == "5.4.2"
    assert not left.exists()


def test_options_of_the_last_build(complete: Path) -> None:
    """A rebuild removes ESP-IDF's saved options, but keeps the objects."""
    run(complete)
    folder = complete / "build" / "esp32" / "idf"
    (folder / "sdkconfig").touch()
    (folder / "object.obj").touch()
    (complete / "firmware" / "boards" / "ESP32_BENCH" / "sdkconfig.board").touch()
    assert run(complete).rebuilt
    assert not (folder / "sdkconfig").exists()
    assert (folder / "object.obj").exists()


def test_killed_build(complete: Path) -> None:
    """Ninja knows which targets it finished, so a killed build's objects are reused."""
    run(complete)
    out = complete / "build" / "esp32"
    (out / "idf" / "object.obj").touch()
    (out / build.UNFINISHED).touch()
    (out / build.STAMP).unlink()
    assert run(complete).rebuilt
    assert (out / "idf" / "object.obj").exists()
    assert not (out / build.UNFINISHED).exists()


def test_own_board_definition(complete: Path) -> None:
    """A user's board definition is built into its own folder, and its changes rebuild it."""
    mine = complete / "MY_BOARD"
    mine.mkdir()
    with pytest.raises(BuildError) as error:
        run(complete, mine)
    assert str(error.value) == (
        f"{mine} has no mpconfigboard.cmake, so it is not a board definition of MicroPython's "
        f"esp32 port: copy {complete}/firmware/boards/ESP32_BENCH and change the copy."
    )
    (mine / "mpconfigboard.cmake").touch()
    built = run(complete, mine)
    assert built.firmware == complete / "build" / "esp32-MY_BOARD" / "firmware.bin"
    assert not run(complete, mine).rebuilt
    (mine / "sdkconfig.board").touch()
    assert run(complete, mine).rebuilt


@pytest.mark.skipif(
    shutil.which("cmake") is None, reason="apt-get install --no-install-recommends cmake"
)
@pytest.mark.parametrize("name", ["esp32", "esp32c3"])
def test_copied_board_definition(tmp_path: Path, name: str) -> None:
    """A copy elsewhere finds the boards' shared files if their folder is given."""
    original = builder_of(BOARDS[name]).job(BOARDS[name], TREE, None).folder
    shutil.copytree(original, tmp_path / "away" / "COPY")
    shutil.copytree(original, tmp_path / "boards" / "ORIGINAL")
    shared = tmp_path / "ports" / "esp32"
    shared.mkdir(parents=True)
    (shared / "board.cmake").write_text('message("for ${IDF_TARGET}")')
    named = f"-DESPBENCH_FIRMWARE={tmp_path}"
    for command in (
        ["cmake", named, "-P", "away/COPY/mpconfigboard.cmake"],
        ["cmake", "-P", "boards/ORIGINAL/mpconfigboard.cmake"],
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stderr == f"for {name}\n"


def test_variant(complete: Path) -> None:
    """A variant is built into its own folder, and an unknown one is an error."""
    boards = complete / "firmware" / "boards"
    mine = complete / "MY_BOARD"
    mine.mkdir()
    (mine / "mpconfigboard.cmake").touch()
    (mine / "mpconfigvariant.cmake").touch()  # for builds without a variant: not a variant itself
    for folder, board_dir in (("ESP32_BENCH", None), ("MY_BOARD", mine)):
        with pytest.raises(BuildError) as error:
            run(complete, board_dir, "DUAL")
        assert str(error.value) == (
            f"The board definition {folder} has no variant 'DUAL': omit --variant."
        )
    for name in ("DUAL", "TINY"):
        (boards / "ESP32_BENCH" / f"mpconfigvariant_{name}.cmake").touch()
    (mine / "mpconfigvariant_DUAL.cmake").touch()
    plain = run(complete)
    dual = run(complete, variant="DUAL")
    assert dual.rebuilt
    assert dual.firmware == complete / "build" / "esp32-DUAL" / "firmware.bin"
    assert not run(complete, variant="DUAL").rebuilt
    assert (run(complete).firmware, run(complete).rebuilt) == (plain.firmware, False)
    assert "-D MICROPY_BOARD_VARIANT=DUAL" in (complete / "log").read_text()
    own = run(complete, mine, "DUAL")
    assert own.firmware == complete / "build" / "esp32-MY_BOARD-DUAL" / "firmware.bin"
    for name in ("dual", "../x", "*"):
        with pytest.raises(BuildError) as error:
            run(complete, variant=name)
        assert str(error.value) == (
            f"The board definition ESP32_BENCH has no variant '{name}': choose one of DUAL, TINY."
        )


def test_variant_by_command(
    complete: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command accepts a variant's name, and rejects an unknown one."""
    monkeypatch.setattr("espbench.firmware.source_tree.root", lambda: complete)
    monkeypatch.setattr("espbench.firmware.source_tree.builds", lambda root: root / "build")
    (complete / "firmware" / "boards" / "ESP32_BENCH" / "mpconfigvariant_DUAL.cmake").touch()
    assert cli.main(["build", "--board", "esp32", "--variant", "DUAL"]) == 0
    assert capsys.readouterr().out == f"{complete}/build/esp32-DUAL/firmware.bin built\n"
    assert cli.main(["build", "--board", "esp32", "--variant", "BOTH"]) == 1
    assert capsys.readouterr().err == (
        "espbench: The board definition ESP32_BENCH has no variant 'BOTH': choose one of DUAL.\n"
    )


def test_variants_of_the_tree() -> None:
    """The tree's own variant is where MicroPython's build looks for it."""
    job = builder_of(BOARD).job(BOARD, TREE, None, "DUAL")
    assert job.out.name == "esp32-DUAL"
    assert (job.folder / f"mpconfigvariant_{job.variant}.cmake").is_file()


def test_command() -> None:
    """The command follows the Makefile of MicroPython's port, with the bench's additions."""
    job = Job(BOARD, Path("/t"), Path("/t/firmware/boards/ESP32_BENCH"), Path("/t/build/esp32"))
    variables = {"IDF_PATH": "/idf", "HTTP_PARSER": "/s/http-parser"}
    assert idf_command("/env/python", job, variables) == [
        *("/env/python", "/idf/tools/idf.py", "-B", "/t/build/esp32/idf"),
        *("-D", "MICROPY_BOARD=ESP32_BENCH"),
        *("-D", "MICROPY_BOARD_DIR=/t/firmware/boards/ESP32_BENCH"),
        *("-D", "ESPBENCH_FIRMWARE=/t/firmware"),
        *("-D", "ESPBENCH_HTTP_PARSER=/s/http-parser"),
        *("-D", f"ESPBENCH_VERSION={__version__}"),
        "build",
    ]
    dual = idf_command("/env/python", replace(job, variant="DUAL"), variables)
    assert dual[dual.index("MICROPY_BOARD_VARIANT=DUAL") - 1] == "-D"
    assert merge_command("python", "esp32c3", Path("/o/firmware.bin")) == [
        *("python", "-m", "esptool", "--chip", "esp32c3"),
        *("merge_bin", "--output", "/o/firmware.bin", "@flash_args"),
    ]


def test_environment() -> None:
    """Components are fetched only if the user enables that; our virtual environment is hidden."""
    made = build_environment({"PATH": "/p", "VIRTUAL_ENV": "/venv"}, "/mpy-cross")
    assert made == {
        "PATH": "/p",
        "IDF_COMPONENT_MANAGER": "0",
        "IDF_SKIP_CHECK_SUBMODULES": "1",
        "MICROPY_MPYCROSS": "/mpy-cross",
    }
    assert build_environment({"IDF_COMPONENT_MANAGER": "1"}, "")["IDF_COMPONENT_MANAGER"] == "1"
    made = build_environment({"MICROPY_GIT_TAG": "v0-mine"}, "", "v1.25.0")
    assert (made["MICROPY_GIT_TAG"], made["MICROPY_GIT_HASH"]) == ("v0-mine", "v1.25.0")


def test_activated_environment_is_kept(complete: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After export.sh, its choice of tools is kept without asking ESP-IDF again."""
    monkeypatch.setenv("PATH", f"{complete}/tools/bin:/usr/bin:/bin")
    run(complete)
    assert "idf_tools.py" not in (complete / "log").read_text()
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (complete / "build" / "esp32" / build.STAMP).unlink()
    run(complete)
    assert "idf_tools.py export --format key-value" in (complete / "log").read_text()


def test_upgraded_compiler(complete: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of the compiler that export.sh chose causes a rebuild."""
    monkeypatch.setenv("PATH", f"{complete}/tools/bin:/usr/bin:/bin")
    run(complete)
    assert not run(complete).rebuilt
    (complete / "tools/bin/xtensa-esp32-elf-gcc").write_text("#!/bin/sh\necho gcc 15.1.0\n")
    built = run(complete)
    assert (built.rebuilt, built.made_with["compiler"]) == (True, "gcc 15.1.0")


def test_parse_export() -> None:
    """ESP-IDF's exported variables extend the existing ones."""
    text = "IDF_PYTHON_ENV_PATH=/env\nPATH=/tools/bin:$PATH\nnot a variable\n"
    assert idf.parse_export(text, {"PATH": "/usr/bin"}) == {
        "IDF_PYTHON_ENV_PATH": "/env",
        "PATH": "/tools/bin:/usr/bin",
    }


def test_compile_error(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the first error, and the log has all output."""
    broken = "echo '[7/9] Building x'; echo 'x.c:3:1: error: no such thing'; exit 2"
    monkeypatch.setenv("IDF_PATH", str(fake_idf(tree, build=broken)))
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(fake_micropython(tree)))
    with pytest.raises(BuildError) as error:
        run(tree)
    log = tree / "build" / "esp32" / "build.log"
    assert str(error.value) == (
        "The esp32 firmware could not be built: x.c:3:1: error: no such thing\n"
        f"The last lines (the full log is {log}):\n"
        "  [7/9] Building x\n"
        "  x.c:3:1: error: no such thing"
    )
    assert "[7/9]" in log.read_text()


def test_no_idf(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ESP-IDF, the message lists the ways to get it."""
    rest = (
        ", but espbench's own firmware for esp32 needs it (v5.3 to v5.5): install it with "
        f"`{GET_IDF}`, point IDF_PATH at it, or build in Espressif's container image with `docker "
        "compose run --rm shell`."
    )
    assert refused(tree) == f"ESP-IDF was not found in ~/esp/esp-idf{rest}"
    monkeypatch.setenv("IDF_PATH", "/no/such")
    assert refused(tree) == f"ESP-IDF was not found in IDF_PATH (/no/such){rest}"


def test_usual_place(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ESP-IDF is found where Espressif's guide installs it."""
    made = fake_idf(tree / "home" / "esp")
    assert idf_tools.find_idf(os.environ) == made


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ((5, 2, 3), ""),
        (
            (6, 0, 2),
            " (ESP-IDF v6 has Mbed TLS 4, which lacks mbedtls_ssl_conf_rng() and headers such as "
            "mbedtls/ctr_drbg.h and mbedtls/sha1.h that MicroPython and this firmware need)",
        ),
    ],
)
def test_other_idf(
    tree: Path, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], reason: str
) -> None:
    """An unsupported version of ESP-IDF is rejected before anything is compiled, and why."""
    path = fake_idf(tree, version)
    monkeypatch.setenv("IDF_PATH", str(path))
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(fake_micropython(tree)))
    assert refused(tree) == (
        f"ESP-IDF in {path} is v{'.'.join(map(str, version))}, but the esp32 firmware needs v5.3 "
        f"to v5.5{reason}: check out one of these there and run its install.sh again, or point "
        "IDF_PATH at another."
    )
    assert not (tree / "log").exists()


def test_unknown_version(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ESP-IDF without a version is rejected."""
    path = fake_idf(tree)
    (path / "tools" / "cmake" / "version.cmake").unlink()
    monkeypatch.setenv("IDF_PATH", str(path))
    assert refused(tree).startswith(f"ESP-IDF in {path} is of an unknown version, but the esp32 ")


def test_no_python_environment(complete: Path) -> None:
    """If install.sh has not been run, the message says to run it."""
    (complete / "tools" / "python_env").rename(complete / "elsewhere")
    assert refused(complete) == (
        f"ESP-IDF in {complete}/esp-idf has no Python environment: run "
        f"{complete}/esp-idf/install.sh esp32,esp32c3,esp32s3."
    )


def test_incomplete_tools(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ESP-IDF's error about its tools is in the message."""
    export = "echo 'ERROR: tool xtensa-esp-elf has no installed versions.'; exit 1"
    path = fake_idf(tree, export=export)
    monkeypatch.setenv("IDF_PATH", str(path))
    assert refused(tree) == (
        f"ESP-IDF's tools in {path} are incomplete (ERROR: tool xtensa-esp-elf has no installed "
        f"versions.): run {path}/install.sh esp32,esp32c3,esp32s3."
    )


def test_no_compiler(complete: Path) -> None:
    """Tools for another chip do not suffice."""
    (complete / "tools" / "bin" / "xtensa-esp32-elf-gcc").unlink()
    assert refused(complete) == (
        "ESP-IDF's compiler xtensa-esp32-elf-gcc is not installed: run "
        f"{complete}/esp-idf/install.sh esp32,esp32c3,esp32s3."
    )


def test_no_cmake(complete: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ESP-IDF on Linux uses CMake and Ninja from the system."""
    for tool, package in (("ninja", "ninja-build"), ("cmake", "cmake")):
        (complete / "tools" / "bin" / tool).unlink()
        monkeypatch.setenv("PATH", "/no/such")
        assert refused(complete) == (
            f"{tool} is not installed, but ESP-IDF needs it: install it with "
            "apt-get install --no-install-recommends "
            f"{package}."
        )


def test_no_port(complete: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout that lacks the port or is too old is rejected."""
    remedy = (
        "point ESPBENCH_MICROPYTHON at a checkout of MicroPython v1.25.0 or newer, or unset it to "
        "build the pinned sources."
    )
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(complete / "firmware"))
    assert refused(complete) == f"{complete}/firmware is not a MicroPython checkout: {remedy}"
    (complete / "micropython" / "ports" / "esp32" / "CMakeLists.txt").rename(complete / "aside")
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(complete / "micropython"))
    assert refused(complete) == (
        f"{complete}/micropython is not a MicroPython checkout with ports/esp32: {remedy}"
    )
    old = fake_micropython(complete / "old", (1, 24, 1))
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(old))
    assert refused(complete) == (
        f"MicroPython in {old} is v1.24.1, but the esp32 firmware needs v1.25.0 or newer: {remedy}"
    )


def test_pinned_micropython(complete: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a checkout, the pinned sources are built, and their version is passed on."""
    checkout = run(complete)
    assert f"MICROPY_MPYCROSS={complete}/{MPY_CROSS}\n" in (complete / "log.env").read_text()
    assert "MICROPY_GIT_TAG=v1.25.0\n" in (complete / "log.env").read_text()  # without git
    monkeypatch.delenv("ESPBENCH_MICROPYTHON")
    pinned = fill_micropython(sources.folders()["micropython"])
    built = run(complete)
    assert (built.rebuilt, built.firmware) == (True, checkout.firmware)
    assert built.made_with["MicroPython"] == sources.pinned().sources["micropython"].version
    assert f"{pinned}/ports/esp32: " in (complete / "log").read_text()
    environment = (complete / "log.env").read_text().splitlines()
    assert {"MICROPY_GIT_TAG=v1.25.0", "MICROPY_GIT_HASH=v1.25.0"} < set(environment)
    assert not run(complete).rebuilt
    assert builder_of(BOARD).sources() == ["micropython", "http-parser"]


def test_doctor(complete: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The doctor checks the same requirements."""
    builder = builder_of(BOARD)
    assert [(f.subject, f.state, f.found) for f in builder.findings(BOARD)] == [
        ("ESP-IDF", "ok", f"v5.4.1 ({complete}/esp-idf)"),
        (
            "ESP-IDF's Python",
            "ok",
            f"{complete}/tools/python_env/idf5.4_py3.11_env/bin/python",
        ),
        ("xtensa-esp32-elf-gcc", "ok", "gcc 14.2.0"),
        ("cmake", "ok", f"{complete}/tools/bin/cmake"),
        ("ninja", "ok", f"{complete}/tools/bin/ninja"),
        ("MicroPython", "ok", f"v1.25.0 ({complete}/micropython)"),
    ]
    assert builder.compiler(BOARD) == "gcc 14.2.0"
    # Without the compiler, what counts is what the machine has.
    monkeypatch.setenv("PATH", f"{complete}/system:/usr/bin:/bin")
    (complete / "system").mkdir()
    for name in ("cmake", "ninja"):
        shutil.copy(complete / "tools" / "bin" / name, complete / "system" / name)
    (complete / "tools" / "bin" / "xtensa-esp32-elf-gcc").unlink()
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", "/no/such")
    found = builder.findings(BOARD)
    missing = [f for f in found if f.state == "missing"]
    assert [(f.subject, f.state, f.remedy) for f in missing] == [
        ("ESP-IDF's tools", "missing", f"{complete}/esp-idf/install.sh esp32"),
        ("MicroPython", "missing", "unset ESPBENCH_MICROPYTHON"),
    ]
    monkeypatch.delenv("ESPBENCH_MICROPYTHON")
    assert builder.findings(BOARD)[-1].state == "later"
    fill_micropython(sources.folders()["micropython"])
    pinned = builder.findings(BOARD)[-1]
    assert (pinned.state, pinned.found) == (
        "ok",
        "v1.25.0 (pinned; ESPBENCH_MICROPYTHON is not set)",
    )
    assert builder.compiler(BOARD) == "not installed"


def test_path_with_a_space(complete: Path, tmp_path: Path) -> None:
    """ESP-IDF's tools reject such a path; the error comes before they start."""
    folder = tmp_path / "my board"
    with pytest.raises(BuildError) as error:
        run(complete, board_dir=folder)
    assert str(error.value) == (
        f"ESP-IDF cannot build in {folder}, which contains spaces or special characters: move "
        "the project to a path of ASCII letters, digits and ./+,@_- only."
    )


def test_mpy_cross_drops_the_architecture() -> None:
    """The build executes MPY_CROSS directly, so it must start with an interpreter line."""
    environment = {**os.environ, "ESPBENCH_MPY_CROSS": "/bin/echo"}
    command = [str(TREE / MPY_CROSS), "-march=rv32imc", "-march=xtensawin", "-s", "a b.py"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "-march=xtensawin -s a b.py\n"
