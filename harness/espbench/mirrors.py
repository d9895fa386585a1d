"""Where Debian's archive can be had: the user's choice, this machine's own, the world's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from espbench.errors import ConfigError

MIRROR_VARIABLE = "ESPBENCH_DEBIAN_MIRROR"
DEFAULT = "http://deb.debian.org/debian"
"""Plain HTTP, as apt uses it: what is fetched is checked by its hash."""
SNAPSHOT = "https://snapshot.debian.org/archive/debian"

_URL = re.compile(r"https?://[^\s\]]+")


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


def _apt_texts(folder: Path) -> list[str]:
    paths = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))]
    texts = []
    for path in paths:
        try:
            texts.append(path.read_text())
        except (OSError, UnicodeDecodeError):
            continue  # not there, or not for us: the world's mirrors are left
    return texts


def mirrors(snapshot: str, apt: Path = Path("/etc/apt")) -> Sequence[str]:
    """Return the mirrors to ask, in order.

    `ESPBENCH_DEBIAN_MIRROR`, when set, is the only one: it is how a closed network says that there
    is no other.

    Args:
        snapshot: a time stamp of snapshot.debian.org.
        apt: apt's configuration.

    Raises:
        ConfigError: the variable holds no URL.
    """
    chosen = os.environ.get(MIRROR_VARIABLE, "").strip().rstrip("/")
    if chosen:
        if not _URL.fullmatch(chosen):
            raise ConfigError(
                f"{MIRROR_VARIABLE} is {chosen!r}: set it to a URL such as {DEFAULT}, or unset it."
            )
        return [chosen]
    return list(dict.fromkeys([*apt_mirrors(_apt_texts(apt)), DEFAULT, f"{SNAPSHOT}/{snapshot}"]))
