# SPDX-License-Identifier: MIT
"""Fixtures for suites of handshakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from espbench.device.device import Device

from .start import START


@pytest.fixture
def restart(shared_device: Device) -> Iterator[Callable[[str], None]]:
    """Return a function that starts HTTPS with further arguments."""

    def start(arguments: str) -> None:
        assert shared_device.eval(START.format(f", {arguments}")) is True

    yield start
    assert shared_device.eval(START.format("")) is True
