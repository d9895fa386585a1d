# SPDX-License-Identifier: MIT
"""`overload`: whether this machine has so much to do that a time-out proves little."""

from __future__ import annotations

import os

__all__ = ["overload"]

OVERLOADED = 2.0
"""Processes that are ready to run, for each core, above which a machine is overloaded."""


def overload() -> str:
    """Return a clause, such as "this machine was overloaded (load 9 on 2 cores)"; "" if not."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    busy = load > OVERLOADED * cores
    return f"this machine was overloaded (load {load:.0f} on {cores} cores)" if busy else ""
