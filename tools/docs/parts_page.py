# SPDX-License-Identifier: MIT
"""Generate the table of the firmware's third-party parts; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from espbench.doctor.parts import Part

__all__ = ["HEAD", "table"]

HEAD = (
    "| part | version | licence | boards | origin | upstream | advisories | looked up in |\n"
    "|---|---|---|---|---|---|---|---|"
)
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)+)`")
"""A file of this repository."""


def table(parts: Iterable[Part]) -> str:
    """Return a table in Markdown for a page in docs/reference, with a row for each part."""
    return "\n".join([HEAD, *map(_row, parts), ""])


def _row(part: Part) -> str:
    cells = (
        part.name,
        part.version,
        part.licence,
        ", ".join(f"`{board}`" for board in part.boards),
        part.origin,
        part.support,
        part.advisories,
        part.looked_at,
    )
    return f"| {' | '.join(_linked(cell.replace('|', chr(92) + '|')) for cell in cells)} |"


def _linked(text: str) -> str:
    """Return a text whose paths are links to the files."""
    return _PATH.sub(lambda found: f"[{PurePosixPath(found[1]).name}](../../{found[1]})", text)
