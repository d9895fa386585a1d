# SPDX-License-Identifier: MIT
"""Old names that still work for one release, and say which name is the new one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["renamed"]


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module (PEP 562) that finds its old names, with a warning.

    Args:
        module: its `__name__`.
        names: what each old name is called now, in the same module (`{"Old": "New"}`) or in
            another (`{"Old": "espbench.boards.board.Old"}`).
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        where, _, new = names[name].rpartition(".")
        said = f"{module}.{name} is called {names[name]} now; the old name goes after 0.1."
        warnings.warn(said, DeprecationWarning, stacklevel=2)
        return getattr(import_module(where or module), new)

    return find
