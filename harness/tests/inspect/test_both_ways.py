# SPDX-License-Identifier: MIT
"""The reference firmware, on whichever board is chosen, says what is seen of it from outside."""

from __future__ import annotations

import pytest
from espbench import Device
from espbench.inspect import Capability, HeapFigures

STACKS = {"lx60": ("main", "network"), "freertos": ("mp_task", "webserver")}
"""The tasks whose stacks the firmware measures: MicroPython's, and the servers'."""


def test_heap_and_stacks(device: Device) -> None:
    """Heap and stacks are the same by module `bench` and from outside."""
    device.heap_at_rest()
    for _ in range(5):
        told = device.heap()
        figures = HeapFigures.of(device.heaps(), Capability.DEFAULT | Capability.INTERNAL)
        tasks = {task.name: task.stack_low_water for task in device.tasks()}
        if device.heap() == told:
            break
    else:
        pytest.fail("the heap never was at rest")
    assert figures.total_free_bytes == told.free
    assert figures.largest_free_block == told.largest
    assert figures.minimum_free_bytes <= told.low_water
    main, network = STACKS.get(device.board.name, STACKS["freertos"])
    assert tasks[main] == told.main_stack_low_water
    assert tasks[network] == told.net_stack_low_water


def test_ballast(device: Device) -> None:
    """Memory that module `bench` holds is missing from outside, and the other way round."""
    before = device.heap_at_rest().free
    device.ballast(20_000)
    seen = HeapFigures.of(device.heaps(), Capability.DEFAULT | Capability.INTERNAL)
    assert 20_000 <= before - seen.total_free_bytes < 22_000
    device.ballast(0)
    assert device.inspection.allocations.hold(20_000) == 20_000
    assert 20_000 <= before - device.heap_at_rest().free < 22_000
    device.inspection.allocations.hold(0)
