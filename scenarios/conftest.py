# SPDX-License-Identifier: MIT
"""Fixtures for all scenarios, on top of ../conftest.py: device options and the leak check."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

import pytest
from espbench.certs import Recipe
from espbench.device.device import Device
from espbench.device.memory.heap_info import HeapInfo
from espbench.errors import MemoryLeaked
from espbench.util.timeouts import Deadline

FORWARDS = {80: 6, 443: 6}
"""Host ports for each guest port, so that several clients can connect at once."""

PASSED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the scenario itself passed."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


class LeakCheck:
    """Checks that a device gets its memory back.

    A connection that the device closes first leaves a control block of about 200 bytes in
    TIME_WAIT for a second or more (RFC 9293 section 3.6.1). Waiting for that after each scenario
    would take longer than the scenarios themselves. So after each one, all but `SLACK` must be
    back and no connection may be open; at the end of the module, everything must be back, or the
    error names the scenarios that left something behind.
    """

    SLACK = 4096
    """Bytes: twenty control blocks. A TLS session takes five times as much."""
    ROUNDING = 256
    """Extra bytes that the same number of blocks may take."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.boot = 0
        self.free = self.blocks = 0
        self.suspects: list[str] = []

    def begin(self) -> None:
        """Record the current state as the baseline."""
        heap = self.device.settle()
        self.free, self.blocks = heap.free, heap.blocks
        self.boot = self.device.boots

    def _is_back(self, heap: HeapInfo) -> bool:
        # A reused block may be a few bytes longer than requested, so count blocks.
        tolerance = max(self.ROUNDING, self.device.board.heap_noise)
        return heap.blocks <= self.blocks and heap.free >= self.free - tolerance

    def mostly(self, scenario: str) -> None:
        """Assert that all but a few control blocks have been freed."""
        if self._is_back(self.device.settle(free=self.free - self.SLACK)):
            self.suspects.clear()
        else:
            self.suspects.append(scenario)

    def entirely(self) -> None:
        """Assert that every byte has been freed."""
        if self.boot != self.device.boots:
            return  # reset because a scenario failed
        deadline = Deadline(10)
        while not self._is_back(heap := self.device.settle()):
            if deadline.expired():
                raise MemoryLeaked(
                    f"{heap.blocks - self.blocks} blocks and {self.free - heap.free} bytes not "
                    f"freed since: {', '.join(self.suspects) or 'the scenario began'}."
                )
            self.device.wait_for_change(0.05)


@pytest.fixture
def device_options(recipe: Recipe) -> Mapping[str, Any]:
    """Return the options of each device that these suites start."""
    return {"files": recipe.on_device(), "forwards": FORWARDS}


@pytest.fixture(scope="module")
def shared_device_options(recipe: Recipe) -> Mapping[str, Any]:
    """Return the same options for a device that a module shares."""
    return {"files": recipe.on_device(), "forwards": FORWARDS}


@pytest.fixture(scope="module")
def leak_check(shared_device: Device) -> Iterator[LeakCheck]:
    """Return the leak check of the module's device; at the end no byte may be missing."""
    check = LeakCheck(shared_device)
    yield check
    check.entirely()


@pytest.fixture(autouse=True)
def check_no_leak(request: pytest.FixtureRequest) -> Iterator[None]:
    """Assert after each scenario that the device serves, leaks nothing, and failed as expected.

    After a failed scenario the device is not checked, because the scenario's own error says
    more. A shared device is then reset for the next scenario.
    """
    if not {"device", "shared_device", "bench", "endpoints"} & set(request.fixturenames):
        yield
        return
    device: Device = request.getfixturevalue("bench")
    serves: Callable[..., None] = request.getfixturevalue("serves")
    shared = "device" not in request.fixturenames
    check: LeakCheck = request.getfixturevalue("leak_check") if shared else LeakCheck(device)
    if check.boot != device.boots:
        serves()  # the first connection of each kind allocates memory that is never freed
        check.begin()
    before = device.stats()
    yield
    if not request.node.stash.get(PASSED, False):
        if shared:
            device.reset()
        return
    try:
        # A handshake is by far the slowest part of most scenarios, so skip it after scenarios that
        # never connected to the TLS port.
        serves(device.stats()["https"]["accepted"] != before["https"]["accepted"])
        if shared:
            check.mostly(request.node.name)
        else:
            check.entirely()
        expected_failures_only(request, device, before["failures"])
    except Exception:
        if shared:
            device.reset()  # so that the next scenario does not fail too
        raise


def expected_failures_only(
    request: pytest.FixtureRequest, device: Device, before: Mapping[str, int]
) -> None:
    """Assert that the device counted only the failures that the scenario's marker names."""
    stats = device.stats()
    assert stats["queue"]["depth"] == 0, "requests are left in the queue"
    marker = request.node.get_closest_marker("failures")
    allowed = set(marker.args) if marker else set()
    counted = {
        cause: count - before.get(cause, 0)
        for cause, count in stats["failures"].items()
        if count > before.get(cause, 0) and cause not in allowed
    }
    assert not counted, f"the device counted failures that the scenario did not provoke: {counted}"
