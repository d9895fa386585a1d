# SPDX-License-Identifier: MIT
"""`clone`: gets the pinned release of ESP-IDF, and continues when it has been interrupted.

`git clone` starts from scratch after an interruption, and git cannot continue a submodule whose
clone was killed. Therefore ESP-IDF and each of its submodules are marked when they are complete,
and what has no mark is fetched again.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from espbench.util.idf_tools import IDF_TAG

__all__ = ["Git", "clone", "submodules"]

Git = Callable[..., None]
"""Runs git with arguments in the folder; raises an error with the next step if git fails."""
MARKS = Path(".git", "espbench")
"""Folder of the marks, which are empty files."""


def clone(folder: Path, git: Git, url: str, *, tools_only: bool) -> None:
    """Fetch and check out ESP-IDF.

    Args:
        folder: where to; it may have what an interrupted call has left.
        git: runs git there.
        url: the repository.
        tools_only: whether the folder `tools` is enough.
    """
    fetched = folder / MARKS / "fetched"
    if not fetched.exists():
        _remove(folder)
        folder.mkdir()
        _fetch(git, url, tools_only=tools_only)
        fetched.parent.mkdir()
        fetched.touch()
    for lock in (folder / ".git").glob("*.lock"):
        lock.unlink()  # of a git that was killed; nobody else uses this repository
    git("-c", "advice.detachedHead=false", "checkout", "--progress", "--force", IDF_TAG)
    if tools_only:
        return
    for number, (name, path) in enumerate(submodules((folder / ".gitmodules").read_text())):
        mark = folder / MARKS / f"submodule-{number}"
        if not mark.exists():
            _remove(folder / ".git" / "modules" / name)
            _remove(folder / path)
            (folder / path).mkdir(parents=True)
            update = ("submodule", "update", "--init", "--recursive", "--progress")
            git(*update, "--depth", "1", "--", path)
            mark.touch()


def _fetch(git: Git, url: str, *, tools_only: bool) -> None:
    git("init", "--quiet")
    git("remote", "add", "origin", url)
    lean = ["--filter=blob:none"] if tools_only else []
    tag = f"refs/tags/{IDF_TAG}"
    git("fetch", "--progress", "--depth", "1", "--no-tags", *lean, "origin", f"{tag}:{tag}")
    if tools_only:
        git("sparse-checkout", "set", "tools")


def submodules(text: str) -> list[tuple[str, str]]:
    """Return name and path of each submodule in the text of `.gitmodules` (gitmodules(5))."""
    sections = re.split(r'^\[submodule "(.+)"\]\s*$', text, flags=re.MULTILINE)
    found = []
    for name, body in zip(sections[1::2], sections[2::2], strict=True):
        if path := re.search(r"^\s*path\s*=\s*(.+?)\s*$", body, re.MULTILINE):
            found.append((name, path[1]))
    return found


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
