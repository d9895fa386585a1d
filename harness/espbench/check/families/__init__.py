# SPDX-License-Identifier: MIT
"""The checks themselves, a module or package for each family; all of them work on any server."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from espbench.check.check import Check, registered

__all__ = ["ORDER", "all_checks"]

ORDER = ("boot", "http", "websocket", "tls", "certificates", "memory", "soak")
"""The families in the order in which they run: what may end the device comes late."""


def all_checks() -> list[Check]:
    """Return every check: by family, then by module, then in the order of definition."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        importlib.import_module(module.name)  # registers its checks
    return sorted(registered(), key=_place)


def _place(check: Check) -> tuple[int, str, int]:
    """Return where a check stands, whichever module was imported first."""
    code = inspect.unwrap(check.function).__code__
    return ORDER.index(check.family), check.function.__module__, code.co_firstlineno
