# SPDX-License-Identifier: MIT
"""The shortcuts of `Device` take the same arguments as the methods that they delegate to."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from espbench.device.addresses import Addresses
from espbench.device.device import Device
from espbench.device.faults import FaultMonitor
from espbench.device.filesystem import Filesystem
from espbench.device.memory.device_memory import DeviceMemory
from espbench.device.micropython import MicroPython
from espbench.device.shortcuts import Shortcuts

PARTS = (Addresses, DeviceMemory, FaultMonitor, Filesystem, MicroPython)
RENAMED: dict[str, Callable[..., Any]] = {"sample_heap": DeviceMemory.sample}
METHODS = [
    *(
        (name, getattr(part, name))
        for part in PARTS
        for name in vars(Shortcuts)
        if not name.startswith("_") and inspect.isfunction(getattr(part, name, None))
    ),
    *RENAMED.items(),
]


@pytest.mark.parametrize(("name", "method"), METHODS, ids=[name for name, _ in METHODS])
def test_arguments(name: str, method: Callable[..., Any]) -> None:
    """Names, order and defaults are those of the part."""
    found, wanted = (inspect.signature(f).parameters for f in (getattr(Device, name), method))
    assert list(found.items()) == list(wanted.items())


def test_there_are_shortcuts() -> None:
    """The test above compares the names that tests use."""
    assert {"exec", "get", "heap", "no_leak", "put", "settle", "stats", "url"} <= dict(
        METHODS
    ).keys()
