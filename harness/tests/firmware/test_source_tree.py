# SPDX-License-Identifier: MIT
"""Sources and suites are found in a clone and in a wheel, and each is built in its place."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from espbench import __version__
from espbench.boards.builtin import BOARDS
from espbench.errors import BuildError
from espbench.firmware import build, sources
from espbench.firmware import make_backend as build_make
from espbench.firmware import source_tree as tree

TREE = Path(__file__).resolve().parents[3]


def carried(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a tree with one file as a wheel installs it, and pretend that there is no clone."""
    board = folder / "firmware" / "ports" / "lx60"
    board.mkdir(parents=True)
    (board / "Makefile").write_text("all:\n")
    monkeypatch.setattr(tree, "WHEEL_TREE", folder)
    monkeypatch.setattr(tree, "clone", lambda: None)
    return folder


def test_clone() -> None:
    """This tree is a clone, which is built in its own folder."""
    assert tree.clone() == tree.root() == TREE
    assert tree.builds(TREE) == TREE / "build"


def test_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel's sources are built in the cache; the same sources share one folder."""
    monkeypatch.setenv("ESPBENCH_CACHE", str(tmp_path / "cache"))
    one = carried(tmp_path / "one" / "_tree", monkeypatch)
    assert tree.root() == one
    built = tree.builds(one)
    assert built.parent == tmp_path / "cache" / "build"
    assert built.name.startswith(f"{__version__}-")
    other = carried(tmp_path / "other" / "_tree", monkeypatch)
    os.utime(other / "firmware" / "ports" / "lx60" / "Makefile", (1, 1))
    assert tree.builds(other) == built
    (other / "firmware" / "ports" / "lx60" / "Makefile").write_text("all: more\n")
    assert tree.builds(other) != built


def test_old_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds in the cache that have not been used for a month are removed, others are kept.

    Unrelated folders are kept too, because the cache may be a folder with other files.
    """
    monkeypatch.setenv("ESPBENCH_CACHE", str(tmp_path / "cache"))
    root = carried(tmp_path / "_tree", monkeypatch)
    own = tree.builds(root)
    old, recent = own.with_name("0.0.1-" + 12 * "a"), own.with_name("0.0.1-" + 12 * "b")
    others = own.with_name("my-project")
    for folder, days in ((own, 40), (old, 31), (recent, 29), (others, 400)):
        (folder / "lx60").mkdir(parents=True)
        os.utime(folder, (time.time() - days * 86400,) * 2)
    tree.used(root)
    assert sorted(own.parent.iterdir()) == sorted([own, recent, others])
    assert time.time() - own.stat().st_mtime < 86400
    tree.used(tmp_path)  # a clone's
    assert recent.exists()


def test_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a package without sources, the message says what to install or which option to use."""
    monkeypatch.setattr(tree, "WHEEL_TREE", tmp_path)
    monkeypatch.setattr(tree, "clone", lambda: None)
    with pytest.raises(BuildError) as error:
        tree.root()
    assert str(error.value) == (
        "This espbench was installed without the firmware's sources: install it from a wheel or a "
        "clone of the project, or name a firmware with --firmware (pytest: "
        "--espbench-firmware, Device: firmware)."
    )


def test_another_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A firmware that one environment built is up to date for another with the same sources.

    CI creates a new environment in each run, but keeps the cache.
    """
    folder = tmp_path / "firmware" / "ports" / "lx60"
    folder.mkdir(parents=True)
    (folder / "Makefile").write_text("all:\n\tcp Makefile $(BUILD)/firmware.elf\n")
    monkeypatch.setattr(build_make.MakeBuilder, "check_tools", lambda *_: None)
    monkeypatch.setattr("espbench.firmware.sources.ensure", lambda *_, **__: sources.folders())
    assert build.build(BOARDS["lx60"], root=tmp_path).rebuilt
    monkeypatch.setattr("sys.executable", "/another/bin/python")
    monkeypatch.setattr("mpy_cross_v6_3.MPY_CROSS_PATH", "/another/mpy-cross")
    assert not build.build(BOARDS["lx60"], root=tmp_path).rebuilt


def test_objects_of_another_place(tmp_path: Path) -> None:
    """Objects name their headers by path, so a build in a moved tree starts from scratch."""
    builder = build_make.MakeBuilder()
    here = {"PYTHON": "p", "FIRMWARE": "/here/firmware"}
    (tmp_path / build.VARIABLES).write_text('{"PYTHON": "p", "FIRMWARE": "/here/firmware"}')
    assert build._can_go_on(tmp_path, builder, here)
    assert not build._can_go_on(tmp_path, builder, {**here, "FIRMWARE": "/there/firmware"})
