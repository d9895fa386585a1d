# SPDX-License-Identifier: MIT
"""The tree of errors in the docstring of `espbench.errors` matches the classes."""

from __future__ import annotations

import itertools
import re

import espbench.clients.errors
import espbench.inspect.stub.errors
from espbench import errors
from espbench.errors import EspbenchError

INDENT = 4


def drawn(text: str) -> dict[str, str]:
    """Return the name of each error's parent in the drawn tree; the root has an empty one."""
    found: dict[str, str] = {}
    line: list[str] = []
    for branch, name in re.findall(r"^    ((?:│   |    )*(?:├── |└── )?)(\w+)$", text, re.M):
        depth = len(branch) // INDENT
        line[depth:] = [name]
        found[name] = line[depth - 1] if depth else ""
    return found


def real(error: type[EspbenchError]) -> dict[str, str]:
    """Return the same for the subclasses of an error."""
    found: dict[str, str] = {}
    for below in error.__subclasses__():
        if below.__module__.startswith("espbench."):
            found |= {below.__name__: error.__name__} | real(below)
    return found


def test_picture() -> None:
    """The drawn tree has every class below its base class, and no others."""
    wanted = {"EspbenchError": ""} | real(EspbenchError)
    assert "QemuTooOld" in wanted
    assert espbench.clients.errors.TlsError.__name__ in wanted
    assert espbench.inspect.stub.errors.StubBusy.__name__ in wanted
    assert drawn(errors.__doc__ or "") == wanted


def test_branches_are_closed() -> None:
    """The branches are drawn consistently: nothing follows the last branch of a parent."""
    lines = re.findall(r"^    ([│├└ ─]*)\w+$", errors.__doc__ or "", re.M)
    for line, below in itertools.pairwise(lines):
        for column in range(0, min(len(line), len(below)), INDENT):
            above, here = line[column], below[column]
            assert (above in "│├") == (here in "│├└"), (line, below)
