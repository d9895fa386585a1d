# SPDX-License-Identifier: MIT
"""Firmware is built only when necessary, once, and failures show the compiler's message."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.errors import BuildError, ToolMissing
from espbench.firmware import build, job, sources
from espbench.firmware import make_backend as build_make
from espbench.firmware.make_paths import MakePaths
from rich.console import Console

TREE = Path(__file__).resolve().parents[3]
BOARD = BOARDS["lx60"]
MAKEFILE = """
all: $(BUILD)/firmware.elf
$(BUILD)/firmware.elf: input.c
\t@echo run >>$(BUILD)/../runs
\tcat input.c > $@
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a tree whose board has a small Makefile, a compiler and sources."""
    folder = tmp_path / "firmware" / "ports" / "lx60"
    folder.mkdir(parents=True)
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "input.c").write_text("int main;\n")
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    compiler = bin_folder / "xtensa-lx106-elf-gcc"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "libc.a").touch()
    monkeypatch.setattr(build_make, "C_LIBRARY", tmp_path / "libc.a")
    monkeypatch.setattr(sources, "ensure", lambda *_names, **_options: sources.folders())
    return tmp_path


def run(tree: Path) -> build.Built:
    """Build without output."""
    return build.build(BOARD, root=tree, console=Console(file=io.StringIO()))


def runs(tree: Path) -> int:
    """Return the number of runs of the Makefile's recipe."""
    return (tree / "build" / "runs").read_text().count("run")


def test_builds_once(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second build does nothing, not even make."""
    built = run(tree)
    assert built.rebuilt
    assert built.firmware == tree / "build" / "lx60" / "firmware.elf"
    assert built.firmware.read_text() == "int main;\n"
    (tree / "bin" / "xtensa-lx106-elf-gcc").unlink()
    monkeypatch.setenv("PATH", str(tree / "bin"))
    again = run(tree)
    assert (again.rebuilt, again.sha256) == (False, built.sha256)


def test_changed_source(tree: Path) -> None:
    """A changed source causes a rebuild."""
    first = run(tree)
    (tree / "firmware" / "ports" / "lx60" / "input.c").write_text("int other;\n")
    second = run(tree)
    assert second.rebuilt
    assert second.sha256 != first.sha256
    assert runs(tree) == 2


def test_changed_variables(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a path that make was given changes, everything is rebuilt."""
    run(tree)
    monkeypatch.setenv("ESPBENCH_CACHE", str(tree / "elsewhere"))
    assert run(tree).rebuilt
    assert runs(tree) == 2


def test_removed_firmware(tree: Path) -> None:
    """A firmware that was removed is rebuilt."""
    run(tree).firmware.unlink()
    assert run(tree).firmware.exists()


def test_firmware_from_an_archive(tree: Path) -> None:
    """Container images and CI caches keep whole seconds: only the same firmware is up to date."""
    made = run(tree).firmware
    modified = made.stat().st_mtime_ns // 10**9 * 10**9 - 10**9
    os.utime(made, ns=(modified, modified))
    assert not run(tree).rebuilt
    made.write_text("int nain;\n")
    os.utime(made, ns=(modified, modified))
    assert run(tree).rebuilt


def test_killed_build(tree: Path) -> None:
    """The leftovers of a killed make are not reused."""
    out = tree / "build" / "lx60"
    run(tree)
    (out / "half.o").touch()
    (out / build.UNFINISHED).touch()
    (out / build.STAMP).unlink()
    assert run(tree).rebuilt
    assert not (out / "half.o").exists()
    assert not (out / build.UNFINISHED).exists()


def test_two_at_once(tree: Path) -> None:
    """Processes that need the same firmware build it once."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=run, args=(tree,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert runs(tree) == 1


def test_compile_error(tree: Path) -> None:
    """The message has the first error and the last lines, and the log has all output."""
    makefile = tree / "firmware" / "ports" / "lx60" / "Makefile"
    makefile.write_text("all:\n\t@echo 'x.c:3:1: error: no such thing'; echo later; false\n")
    with pytest.raises(BuildError) as error:
        run(tree)
    log = tree / "build" / "lx60" / "build.log"
    assert str(error.value) == (
        "The lx60 firmware could not be built: x.c:3:1: error: no such thing\n"
        f"The last lines (the full log is {log}):\n"
        "  x.c:3:1: error: no such thing\n"
        "  later\n"
        "  make: *** [Makefile:2: all] Error 1"
    )
    assert "no such thing" in log.read_text()
    makefile.write_text(MAKEFILE)
    assert run(tree).rebuilt


COMPILE = (
    "/x/bin/xtensa-esp32-elf-gcc -DESP_PLATFORM -Wall -Werror=all -Wno-error=unused-function "
    "-Wno-error=deprecated-declarations -o esp-idf/main/x.c.obj -c /p/main/x.c"
)
LD = "/x/bin/../lib/gcc/xtensa-esp-elf/14.2.0/../../../../xtensa-esp-elf/bin/ld: "


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (
            "[812/977] Building C object esp-idf/main/x.c.obj\n"
            "FAILED: esp-idf/main/x.c.obj \n"
            f"{COMPILE}\n"
            "In file included from /p/main/x.c:3:\n"
            "/p/main/x.h: In function 'broken':\n"
            "/p/main/x.h:8:12: warning: unused variable 'one' [-Wunused-variable]\n"
            "/p/main/x.h:9:29: error: 'nothing' undeclared (first use in this function)\n"
            "/p/main/x.c:12:1: error: expected ';' before '}' token\n"
            "ninja: build stopped: subcommand failed.\n"
            "ninja failed with exit code 1, output of the command is in the /p/build/log/x",
            "/p/main/x.h:9:29: error: 'nothing' undeclared (first use in this function)",
        ),
        (
            f"FAILED: [code=1] esp-idf/main/x.c.obj\n{COMPILE}\n"
            "/p/main/x.c:3:10: fatal error: no_such.h: No such file or directory\n"
            "compilation terminated.",
            "/p/main/x.c:3:10: fatal error: no_such.h: No such file or directory",
        ),
        (
            f"FAILED: esp-idf/main/x.S.obj \n{COMPILE}\n"
            "/p/main/x.S: Assembler messages:\n/p/main/x.S:7: Error: unknown opcode 'mvo'",
            "/p/main/x.S:7: Error: unknown opcode 'mvo'",
        ),
        (
            f"FAILED: esp-idf/main/x.c.obj \n{COMPILE}\n"
            "xtensa-esp32-elf-gcc: error: unrecognized command-line option '-mno'",
            "xtensa-esp32-elf-gcc: error: unrecognized command-line option '-mno' (while "
            "esp-idf/main/x.c.obj was made)",
        ),
        (
            f"FAILED: app.elf \n{COMPILE}\n{LD}esp-idf/main/libmain.a(x.c.obj): in function "
            f"`app_main':\n{LD}/p/main/x.c:9:(.text.app_main+0x9): undefined reference to `gone'"
            "\ncollect2: error: ld returned 1 exit status",
            "ld: /p/main/x.c:9:(.text.app_main+0x9): undefined reference to `gone' (while "
            "app.elf was made)",
        ),
        (
            f"FAILED: app.elf \n{COMPILE}\n{LD}app.elf section `.dram0.bss' will not fit in region "
            "`dram0_0_seg'\ncollect2: error: ld returned 1 exit status",
            "ld: app.elf section `.dram0.bss' will not fit in region `dram0_0_seg' (while app.elf "
            "was made)",
        ),
        (
            "-- Building ESP-IDF components for target esp32\n"
            "CMake Error at /idf/tools/cmake/build.cmake:318 (message):\n"
            "  Failed to resolve component 'gone' required by component 'main': unknown name.\n"
            "Call Stack (most recent call first):\n",
            "CMake Error at /idf/tools/cmake/build.cmake:318 (message): Failed to resolve "
            "component 'gone' required by component 'main': unknown name.",
        ),
        (
            f"FAILED: frozen_content.c\n{COMPILE}\nTraceback (most recent call last):\n"
            '  File "makemanifest.py", line 3, in <module>\n'
            "ModuleNotFoundError: No module named 'gone'",
            "ModuleNotFoundError: No module named 'gone' (while frozen_content.c was made)",
        ),
        (f"FAILED: x.bin\n{COMPILE}\nninja: error: 'x.c' missing", "ninja: error: 'x.c' missing"),
        ("gcc -Wno-error=all x.c\nmake: *** [Makefile:2: x] Error 1", "make: *** [Makefile:2: x] "),
        (f"{COMPILE}\nKilled", ""),
    ],
    ids=[
        *("compiler", "header", "assembler", "driver", "undefined", "overflow", "cmake"),
        *("python", "ninja", "make", "none"),
    ],
)
def test_first_error(tree: Path, output: str, cause: str) -> None:
    """The cause is the first error with its file, not an option such as -Wno-error."""
    said = job.explain("esp32", output.splitlines(), tree / "build.log").splitlines()[0]
    start = "The esp32 firmware could not be built"
    assert said.startswith(f"{start}: {cause}" if cause else start)
    assert "-Wno-error" not in said
    assert cause or said == start


def test_full_disk(tree: Path) -> None:
    """A disk that was full for the compiler is reported as the cause."""
    log = tree / "build.log"
    lines = ["cc1: fatal error: error writing to /x.s: No space left on device"]
    assert job.explain("lx60", lines, log) == (
        f"The lx60 firmware could not be built because the disk with {tree} is full: free some "
        "space, then build again."
    )


def test_missing_compiler(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing compiler is named, with the command that installs it."""
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/make" if name == "make" else None)
    with pytest.raises(ToolMissing) as error:
        run(tree)
    assert str(error.value) == (
        "The compiler xtensa-lx106-elf-gcc is not installed, but the lx60 firmware needs it: "
        "install it with "
        "apt-get install --no-install-recommends gcc-xtensa-lx106 binutils-xtensa-lx106 "
        "picolibc-xtensa-lx106-elf."
    )


def test_missing_make(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing make is named, with the command that installs it."""
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(ToolMissing) as error:
        run(tree)
    assert (
        str(error.value)
        == "make is not installed: install it with apt-get install --no-install-recommends make."
    )


def test_missing_library(tree: Path) -> None:
    """A missing C library is named, with the command that installs it."""
    (tree / "libc.a").unlink()
    with pytest.raises(ToolMissing) as error:
        run(tree)
    assert str(error.value) == (
        f"The C library {tree}/libc.a is not installed, but the lx60 firmware needs it: install "
        "it with apt-get install --no-install-recommends picolibc-xtensa-lx106-elf."
    )


def test_board_without_makefile(tmp_path: Path) -> None:
    """A board without a Makefile in the tree is an error."""
    with pytest.raises(BuildError) as error:
        run(tmp_path)
    assert str(error.value) == (
        "Board lx60 cannot be built: firmware/ports/lx60/Makefile does not exist."
    )


def test_other_folder(tree: Path) -> None:
    """A board that make builds does not accept another folder or an unknown variant."""
    with pytest.raises(BuildError) as error:
        build.build(BOARD, root=tree, board_dir=tree)
    assert str(error.value) == "Board lx60 is always built from its own folder: omit --board-dir."
    with pytest.raises(BuildError) as error:
        build.build(BOARD, root=tree, variant="DUAL")
    assert str(error.value) == "Board lx60 has no variant 'DUAL': choose one of TLS13."


def test_variant(tree: Path) -> None:
    """A variant is built into its own folder, with its variable set for make."""
    made = build.build(BOARD, root=tree, variant="TLS13")
    assert made.firmware.parent == run(tree).firmware.parent.with_name("lx60-TLS13")
    assert not build.build(BOARD, root=tree, variant="TLS13").rebuilt
    given = json.loads((made.firmware.parent / build.VARIABLES).read_text())
    usual = json.loads((run(tree).firmware.parent / build.VARIABLES).read_text())
    assert given["TLS13"] == "1"
    assert "TLS13" not in usual


def test_made_with(tree: Path) -> None:
    """A build records the compiler that made it."""
    compiler = tree / "bin" / "xtensa-lx106-elf-gcc"
    compiler.write_text("#!/bin/sh\necho gcc 12.2.0\n")
    assert run(tree).made_with == {"compiler": "gcc 12.2.0"}
    assert run(tree).made_with == {"compiler": "gcc 12.2.0"}


def test_upgraded_compiler(tree: Path) -> None:
    """Another version of the compiler rebuilds everything, without old objects."""
    compiler = tree / "bin" / "xtensa-lx106-elf-gcc"
    compiler.write_text("#!/bin/sh\necho gcc 12.2.0\n")
    run(tree)
    old = tree / "build" / "lx60" / "old.o"
    old.touch()
    compiler.write_text("#!/bin/sh\necho gcc 13.3.0\n")
    built = run(tree)
    assert (built.rebuilt, built.made_with) == (True, {"compiler": "gcc 13.3.0"})
    assert not old.exists()
    assert not run(tree).rebuilt


def test_warnings_stop_the_build_where_asked(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ESPBENCH_WERROR=1 reaches make, but does not cause a rebuild."""
    makefile = tree / "firmware" / "ports" / "lx60" / "Makefile"
    makefile.write_text(MAKEFILE.replace("echo run", "echo run $(WERROR)"))
    monkeypatch.delenv(build_make.WERROR_VARIABLE, raising=False)
    run(tree)
    monkeypatch.setenv(build_make.WERROR_VARIABLE, "1")
    assert not run(tree).rebuilt
    (tree / "firmware" / "ports" / "lx60" / "input.c").write_text("int other;\n")
    assert run(tree).rebuilt
    assert (tree / "build" / "runs").read_text().split() == ["run", "0", "run", "1"]
    assert "WERROR" not in json.loads((tree / "build" / "lx60" / build.STAMP).read_text())


def commands_of_make(tmp_path: Path, **more: str) -> list[str]:
    """Return the real Makefile's commands for one of our files and one third-party file."""
    builder = build_make.MakeBuilder()
    folders = sources.ensure(builder.sources(), console=Console(file=io.StringIO()))
    job = replace(builder.job(BOARD, TREE, None), out=tmp_path)
    variables = {**builder.variables(job, folders), **more}
    objects = ["httpserver/pem_file.o", "py/gc.o"]
    said = subprocess.run(
        [
            *("make", "-n", "-C", str(job.folder), "V=1"),
            *(f"{name}={value}" for name, value in variables.items()),
            *(f"{tmp_path}/{name}" for name in objects),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [
        next(line for line in said.splitlines() if re.search(rf" -o \S*/{name}", line))
        for name in objects
    ]


def test_only_warnings_in_our_own_code_count(tmp_path: Path) -> None:
    """Warnings are enabled for our own C code only, and are errors only with WERROR=1."""
    strict, theirs = commands_of_make(tmp_path, WERROR="1")
    relaxed, _ = commands_of_make(tmp_path, WERROR="0")
    assert "-Wall -Wextra -Werror " in strict
    assert "-Wall -Wextra " in relaxed
    assert "-Werror" not in relaxed
    assert "-Wextra" not in theirs


def test_make_that_made_nothing(tree: Path) -> None:
    """A Makefile that succeeds without creating the firmware is an error."""
    (tree / "firmware" / "ports" / "lx60" / "Makefile").write_text("all:\n\t@true\n")
    with pytest.raises(
        BuildError, match=r"^The build succeeded without creating .*: check its build rules\.$"
    ):
        run(tree)


@pytest.mark.parametrize("name", ["a folder", "$HOME #1", 'it\'s "é"', "50% a:b=c"])
def test_path_that_make_cannot_take(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tree can be built even if its path has characters special to make or the shell."""
    root = tmp_path / name
    folder = root / "firmware" / "ports" / "lx60"
    folder.mkdir(parents=True)
    # Every path is unquoted, as in MicroPython's makefiles.
    (folder / "Makefile").write_text(
        "FIRMWARE ?= $(abspath $(CURDIR)/../..)\n"
        "all: $(BUILD)/firmware.elf\n"
        "$(BUILD)/firmware.elf: $(wildcard $(FIRMWARE)/ports/*/*.c)\n"
        "\tcat $(FIRMWARE)/ports/lx60/input.c > $@\n"
        "\tls $(MICROPYTHON) $(MPY_CROSS) > /dev/null\n"
    )
    (folder / "input.c").write_text("int main;\n")
    compiler = root / "bin" / "xtensa-lx106-elf-gcc"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{compiler.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(build_make, "C_LIBRARY", compiler)
    monkeypatch.setenv("ESPBENCH_CACHE", str(root / "cache"))
    for source in sources.folders().values():
        source.mkdir(parents=True)
    monkeypatch.setattr(sources, "ensure", lambda *_names, **_options: sources.folders())
    links = tmp_path / "links"
    monkeypatch.setattr(build_make, "MakePaths", lambda: MakePaths(links))
    built = run(root)
    assert built.firmware == root / "build" / "lx60" / "firmware.elf"
    assert built.firmware.read_text() == "int main;\n"
    before = sorted(links.iterdir())
    (folder / "input.c").write_text("int other;\n")
    assert run(root).rebuilt
    assert sorted(links.iterdir()) == before


def test_links_are_refused_in_a_folder_of_others(tmp_path: Path) -> None:
    """No link is created in a folder that others can write to; plain paths need none."""
    links = tmp_path / "links"
    links.mkdir()
    links.chmod(0o777)
    paths = MakePaths(links)
    assert paths(tmp_path) == tmp_path
    target = tmp_path / "a b"
    target.mkdir()
    with pytest.raises(BuildError) as error:
        paths(target)
    assert str(error.value) == (
        f"make cannot handle the path {target}, and {links}, the folder for a link to it, is "
        "writable by others: remove that folder, then build again."
    )


def test_links_that_cannot_be_made(tmp_path: Path) -> None:
    """If a link cannot be created, the message says what to do."""
    (tmp_path / "file").touch()
    target = tmp_path / "a b"
    target.mkdir()
    with pytest.raises(
        BuildError, match=r"could not be created \(Not a directory\): move the project"
    ):
        MakePaths(tmp_path / "file" / "links")(target)
