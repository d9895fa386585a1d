# SPDX-License-Identifier: MIT
"""Deprecated names, which work for one more release and warn with the new name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["renamed"]


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module (PEP 562) that resolves its old names with a warning.

    Args:
        module: `__name__` of the module.
        names: the new name for each old one, in the same module (`{"Old": "New"}`) or in
            another (`{"Old": "espbench.boards.board.Old"}`).
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        where, _, new = names[name].rpartition(".")
        message = f"{module}.{name} is now {names[name]}; the old name will be removed after 0.1."
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return getattr(import_module(where or module), new)

    return find
