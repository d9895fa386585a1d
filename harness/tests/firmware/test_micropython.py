# SPDX-License-Identifier: MIT
"""ESPBENCH_MICROPYTHON replaces the pinned MicroPython in the firmware of `lx60`, too."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.errors import ToolMissing
from espbench.firmware import build, micropython, sources
from espbench.firmware import make_backend as build_make
from fake_idf import fake_micropython
from rich.console import Console

BOARD = BOARDS["lx60"]
MAKEFILE = """
all:
\t@mkdir -p $(BUILD)
\t@echo "$(MICROPYTHON) $$MICROPY_GIT_TAG" > $(BUILD)/firmware.elf
"""
REMEDY = (
    "point ESPBENCH_MICROPYTHON at a checkout of MicroPython v1.25.0 or newer, or unset it to "
    "build the pinned sources."
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a tree whose firmware is MicroPython's folder and version, as make gets them."""
    folder = tmp_path / "firmware" / "ports" / "lx60"
    folder.mkdir(parents=True)
    (folder / "Makefile").write_text(MAKEFILE)
    compiler = tmp_path / "bin" / "xtensa-lx106-elf-gcc"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", f"{compiler.parent}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "libc.a").touch()
    monkeypatch.setattr(build_make, "C_LIBRARY", tmp_path / "libc.a")
    monkeypatch.setattr(sources, "ensure", only_these)
    for name in ("ESPBENCH_MICROPYTHON", "MICROPY_GIT_TAG", "MICROPY_GIT_HASH"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def only_these(names: list[str], **_options: object) -> dict[str, Path]:
    """Return the folders of the sources that a builder asks for, and no others."""
    return {name: sources.folders()[name] for name in names}


def made(tree: Path) -> str:
    """Build, and return what make got."""
    built = build.build(BOARD, root=tree, console=Console(file=io.StringIO()))
    return built.firmware.read_text().strip()


def git(checkout: Path, *arguments: str) -> None:
    """Run git in a checkout."""
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    command = ["git", "-C", str(checkout), *author, *arguments]
    subprocess.run(command, check=True, capture_output=True)


def test_a_checkout(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkout is built in place of the pinned source, and again when it has changed."""
    pinned = sources.folders()["micropython"]
    assert made(tree) == f"{pinned} v{sources.pinned().sources['micropython'].version}"
    checkout = fake_micropython(tree, (1, 28, 0))
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(checkout))
    assert "micropython" not in build.builder_of(BOARD).sources()
    assert made(tree) == f"{checkout} v1.28.0"
    quiet = Console(file=io.StringIO())
    assert not build.build(BOARD, root=tree, console=quiet).rebuilt
    (checkout / "py" / "new.c").touch()
    assert build.build(BOARD, root=tree, console=quiet).rebuilt
    monkeypatch.delenv("ESPBENCH_MICROPYTHON")
    assert made(tree).startswith(str(pinned))


def test_the_version_of_a_checkout(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git names the version if it knows one; otherwise it is that of the header."""
    checkout = fake_micropython(tree, (1, 29, 0))
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(checkout))
    header = checkout / "py" / "mpconfig.h"
    header.write_text(f"{header.read_text()}#define MICROPY_VERSION_PRERELEASE 1\n")
    assert micropython.git_tag(os.environ) == "v1.29.0-preview"
    git(checkout, "init")
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "x")
    assert micropython.git_tag(os.environ) == "v1.29.0-preview"
    git(checkout, "tag", "-a", "v1.29.0-preview", "-m", "x")
    assert micropython.git_tag(os.environ) == ""
    assert made(tree) == str(checkout)


def test_no_checkout(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence rejects what is not MicroPython, or is too old."""
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(tree / "firmware"))
    with pytest.raises(ToolMissing) as error:
        made(tree)
    assert str(error.value) == f"{tree}/firmware is not a MicroPython checkout: {REMEDY}"
    old = fake_micropython(tree, (1, 24, 1))
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(old))
    with pytest.raises(ToolMissing) as error:
        made(tree)
    assert str(error.value) == (
        f"MicroPython in {old} is v1.24.1, but the lx60 firmware needs v1.25.0 or newer: {REMEDY}"
    )
    (finding,) = [
        each for each in build.builder_of(BOARD).findings(BOARD) if each.subject == "MicroPython"
    ]
    assert (finding.state, finding.remedy) == ("missing", "unset ESPBENCH_MICROPYTHON")


def test_no_port_is_needed(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The firmware of `lx60` needs none of MicroPython's own ports."""
    checkout = fake_micropython(tree, (1, 28, 0))
    (checkout / "ports" / "esp32" / "CMakeLists.txt").unlink()
    monkeypatch.setenv("ESPBENCH_MICROPYTHON", str(checkout))
    assert made(tree) == f"{checkout} v1.28.0"
