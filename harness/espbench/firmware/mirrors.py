# SPDX-License-Identifier: MIT
"""Chooses the mirrors of Debian's archive to fetch from: the user's, or those that apt uses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from espbench.errors import ConfigError

MIRROR_VARIABLE = "ESPBENCH_DEBIAN_MIRROR"
_URL = re.compile(r"https?://[^\s\]]+")
_LIST = re.compile(r"mirror\+file:(/[^\s\]]+)")
"""A mirror list file, as cloud images use it; see apt-transport-mirror(1)."""


def apt_mirrors(texts: Iterable[str]) -> list[str]:
    """Return the mirrors of Debian's main archive in apt's source lists, either format.

    Args:
        texts: contents of `sources.list` and `*.sources` (sources.list(5)).
    """
    found: list[str] = []
    for text in texts:
        for line in text.splitlines():
            if line.lstrip().startswith("#"):
                continue
            for url in _URL.findall(line):
                mirror = url.rstrip("/")
                if mirror.endswith("/debian") and mirror not in found:
                    found.append(mirror)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""  # missing, unreadable, or not text


def _apt_texts(folder: Path) -> list[str]:
    paths = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    texts = [_read(path) for path in paths]
    lists = [name for text in texts for name in _LIST.findall(text)]
    return texts + [_read(Path(name)) for name in dict.fromkeys(lists)]


def chosen_mirror() -> str:
    """Return the mirror that `ESPBENCH_DEBIAN_MIRROR` names, without a final slash; "" if unset.

    Raises:
        ConfigError: the variable is not a URL.
    """
    chosen = os.environ.get(MIRROR_VARIABLE, "").strip().rstrip("/")
    if chosen and not _URL.fullmatch(chosen):
        raise ConfigError(
            f"{MIRROR_VARIABLE} is {chosen!r}: set it to the URL of a mirror of Debian's archive, "
            "or unset it."
        )
    return chosen


def mirrors(apt: Path = Path("/etc/apt")) -> Sequence[str]:
    """Return the mirrors to try, in order: those of apt; none on a system without Debian's.

    If `ESPBENCH_DEBIAN_MIRROR` is set, it is the only one, which closed networks need.

    Args:
        apt: folder with apt's configuration.

    Raises:
        ConfigError: the variable is not a URL.
    """
    chosen = chosen_mirror()
    return [chosen] if chosen else apt_mirrors(_apt_texts(apt))
