# SPDX-License-Identifier: MIT
"""The checks themselves, a module or package for each family; all of them work on any server."""

from __future__ import annotations

import importlib
import pkgutil

from espbench.check.check import Check, registered

__all__ = ["ORDER", "all_checks"]

ORDER = ("boot", "http", "websocket", "tls", "certificates", "memory", "soak")
"""The families in the order in which they run: what may end the device comes late."""


def all_checks() -> list[Check]:
    """Return every check, in the order of the families and of their definition."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        importlib.import_module(module.name)  # registers its checks
    return sorted(registered(), key=lambda each: ORDER.index(each.family))
