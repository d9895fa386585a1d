# SPDX-License-Identifier: MIT
"""`parts`: every third-party part of the reference firmware, with its support and advisories."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources

from rich.console import Console

from espbench.doctor.layout import indented
from espbench.firmware import micropython
from espbench.firmware.sources import pinned
from espbench.util.listing import listing

__all__ = ["PINNED", "Part", "as_json", "parts", "replaced", "show"]

PINNED = "pinned source"
"""The origin of what `espbench build` fetches."""


@dataclass(frozen=True)
class Part:
    """One third-party part.

    Attributes:
        name: its name.
        version: its version, or where that depends on the machine, whose version it is.
        licence: SPDX expression, or "public domain".
        boards: the boards whose firmware has it.
        origin: where the build takes it from.
        support: the state of upstream's support.
        advisories: published vulnerabilities that concern this version, and why they do no harm.
        looked_at: the month in which both were looked up.
    """

    name: str
    version: str
    licence: str
    boards: tuple[str, ...]
    origin: str
    support: str
    advisories: str
    looked_at: str

    def concerns(self, board: str) -> bool:
        """Return whether a board's firmware has this part; "" is any board."""
        return not board or board in self.boards


@cache
def parts() -> tuple[Part, ...]:
    """Return the parts, in the order in which they are listed."""
    text = resources.files("espbench.firmware").joinpath("parts.toml").read_text()
    sources = pinned().sources
    found = []
    for name, entry in tomllib.loads(text).items():
        if source := sources.get(name):
            entry |= {"version": source.version, "licence": source.licence, "origin": PINNED}
        boards = tuple(entry.pop("boards"))
        found.append(Part(name=name, boards=boards, **entry))
    return tuple(found)


def replaced(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the environment puts in place of a part: the part's name, version and folder."""
    path = micropython.find_micropython(environment)
    if path is None:
        return {}
    found = micropython.micropython_version(path)
    version = f"v{micropython.dotted(found)}" if found else "an unknown version"
    return {"part": "micropython", "version": version, "folder": str(path)}


def as_json(found: Iterable[Part], environment: Mapping[str, str]) -> dict[str, object]:
    """Return the parts as a JSON object."""
    return {"parts": [asdict(part) for part in found], "replaced": replaced(environment)}


def show(found: Iterable[Part], environment: Mapping[str, str], console: Console) -> None:
    """Print the parts, each in a paragraph."""
    for part in found:
        console.print(f"[bold]{part.name}[/] {part.version} ({part.licence})", highlight=False)
        for line in _lines(part, console.width):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    if other := replaced(environment):
        console.print(
            f"{micropython.VARIABLE} puts {other['version']} ({other['folder']}) in place of "
            f"{other['part']}.",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _lines(part: Part, width: int) -> Iterator[str]:
    fields = {
        "boards": listing(part.boards),
        "origin": part.origin,
        "upstream": part.support,
        "advisories": f"{part.advisories} ({part.looked_at})",
    }
    for title, text in fields.items():
        yield from indented(f"  {title:<12}", text, width)
    yield ""
