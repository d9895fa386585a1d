# SPDX-License-Identifier: MIT
"""The heap's low-water mark: it has to tell what was in use, at any time since the start."""

from __future__ import annotations

from espbench.device.device import Device


def test_after_a_boot(device: Device) -> None:
    """What takes memory before the application starts does not lower the mark."""
    heap = device.heap()
    assert heap.low_water <= heap.free
    assert heap.low_water > heap.free // 2, f"{heap.low_water} of {heap.free} B after a boot"


def test_after_a_reset(device: Device) -> None:
    """It follows what is taken, and forgets that when it is reset, however often."""
    free = device.heap_at_rest().free
    device.ballast(free // 2)
    assert device.heap().low_water <= free // 2 + device.board.heap_noise
    device.ballast(0)
    for _ in range(2):
        device.heap_reset()
        assert device.heap().low_water > free // 2 + device.board.heap_noise
