# SPDX-License-Identifier: MIT
"""Generate the sections of a page from the registry of checks; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from espbench.check.check import Check

NEEDS = {
    "": "",
    "http": "HTTP",
    "tls": "TLS",
    "websocket": "a WebSocket",
    "echo": "a WebSocket that echoes",
}
"""By `Check.needs`."""
HEAD = "| check | what the device has to do | source | severity | needs |\n|---|---|---|---|---|"


def sections(checks: Sequence[Check]) -> str:
    """Return a section in Markdown for each family, with a row for each of its checks."""
    families = groupby(checks, key=lambda check: check.family)
    return "\n".join(line for name, members in families for line in _section(name, [*members]))


def _section(family: str, checks: Sequence[Check]) -> Iterator[str]:
    yield f"## {family}\n"
    yield HEAD
    for each in checks:
        cells = (each.title, each.source, each.severity.value, _needs(each))
        yield f"| `{each.name}` | {' | '.join(map(_cell, cells))} |"
    yield ""


def _needs(check: Check) -> str:
    parts = [
        NEEDS[check.needs],
        "the ELF file" if check.inspects else "",
        "to be named with `--only`" if check.on_request else "",
    ]
    return ", ".join(part for part in parts if part)


def _cell(text: str) -> str:
    """Return text for a table cell."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
