# SPDX-License-Identifier: MIT
"""The picture of the tree of errors is that of the classes."""

from __future__ import annotations

import itertools
import re

import espbench.clients.errors
from espbench import errors
from espbench.errors import EspbenchError

INDENT = 4


def drawn(text: str) -> dict[str, str]:
    """Return the parent of each error in a picture, by its name; the root has none."""
    found: dict[str, str] = {}
    line: list[str] = []
    for branch, name in re.findall(r"^    ((?:│   |    )*(?:├── |└── )?)(\w+)$", text, re.M):
        depth = len(branch) // INDENT
        line[depth:] = [name]
        found[name] = line[depth - 1] if depth else ""
    return found


def real(error: type[EspbenchError]) -> dict[str, str]:
    """Return the same of the classes below one."""
    found: dict[str, str] = {}
    for below in error.__subclasses__():
        if below.__module__.startswith("espbench."):
            found |= {below.__name__: error.__name__} | real(below)
    return found


def test_picture() -> None:
    """Every class is in the picture, below the class that it derives from, and no other is."""
    wanted = {"EspbenchError": ""} | real(EspbenchError)
    assert "QemuTooOld" in wanted
    assert espbench.clients.errors.TlsError.__name__ in wanted
    assert drawn(errors.__doc__ or "") == wanted


def test_branches_are_closed() -> None:
    """The lines of the picture fit together: below a last branch nothing of its parent follows."""
    lines = re.findall(r"^    ([│├└ ─]*)\w+$", errors.__doc__ or "", re.M)
    for line, below in itertools.pairwise(lines):
        for column in range(0, min(len(line), len(below)), INDENT):
            above, here = line[column], below[column]
            assert (above in "│├") == (here in "│├└"), (line, below)
