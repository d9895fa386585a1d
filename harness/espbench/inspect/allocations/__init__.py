# SPDX-License-Identifier: MIT
"""Allocations of an unmodified guest: where they happen, let them fail, hold memory back."""

from __future__ import annotations

from espbench.inspect.allocations.allocators import Allocator, Allocators
from espbench.inspect.allocations.ballast import Ballast
from espbench.inspect.allocations.failures import AllocationFailures, Trial
from espbench.inspect.allocations.places import AllocationPlaces, Place
from espbench.inspect.allocations.trials import Outcome, try_places

__all__ = [
    "AllocationFailures",
    "AllocationPlaces",
    "Allocator",
    "Allocators",
    "Ballast",
    "Outcome",
    "Place",
    "Trial",
    "try_places",
]
