# SPDX-License-Identifier: MIT
"""A copy of the tree that builds a patch, such as a pull request's, in seconds.

Object files are copied with their modification times, and paths in them are changed to the copy's.
So make compiles only the files that a patch touches.
"""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from espbench.boards.board import Board
from espbench.firmware import build, job
from espbench.firmware import source_tree as tree
from rich.console import Console

TEXTS = {".P", ".h", ".c", ".json", ".last", ".split", ".py", ".map"}


OLD = 1_000_000_000
"""A time before any build here."""


class PatchedTree:
    """Builder of patched firmware, one patch at a time."""

    def __init__(self, board: Board, folder: Path) -> None:
        """Copy the sources and their up-to-date build to `folder`."""
        self.board = board
        self.folder = folder
        root = tree.root()
        built = tree.builds(root) / board.name
        build.build(board, console=Console(file=io.StringIO()))
        # Another environment with the same sources may have built it; the objects name that one.
        sources = json.loads((built / build.VARIABLES).read_text())["FIRMWARE"]
        moves = {Path(sources): folder / "firmware", built: folder / "build" / board.name}
        ignored = shutil.ignore_patterns("tests", "__pycache__")
        shutil.copytree(root / "firmware", folder / "firmware", ignore=ignored)
        for path in (folder / "firmware").rglob("*"):
            # The build has these contents, however new an installed package's files are.
            os.utime(path, (OLD, OLD))
        out = folder / "build" / board.name
        shutil.copytree(built, out)
        for path in out.rglob("*"):
            if path.is_file() and path.suffix in TEXTS:
                _move(path, moves)

    def build(self, path: str, old: str, new: str) -> Path:
        """Replace text in a source file, build, and restore the file; return the firmware."""
        source = self.folder / path
        text = source.read_text()
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        source.write_text(text.replace(old, new))
        try:
            console = Console(file=io.StringIO())
            built = build.build(self.board, root=self.folder, console=console).firmware
            return Path(shutil.copy(built, self.folder / f"{source.stem}.elf"))
        finally:
            source.write_text(text)

    def compiled(self) -> int:
        """Return how many files the last build compiled."""
        log = self.folder / "build" / self.board.name / job.LOG
        return sum(line.startswith("CC ") for line in log.read_text().splitlines())


def _move(path: Path, moves: Mapping[Path, Path]) -> None:
    """Replace paths in a file, and keep its modification time."""
    data = path.read_bytes()
    moved = data
    for old, new in moves.items():
        moved = moved.replace(str(old).encode(), str(new).encode())
    if moved != data:
        status = path.stat()
        path.write_bytes(moved)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
