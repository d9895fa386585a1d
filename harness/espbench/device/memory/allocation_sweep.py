# SPDX-License-Identifier: MIT
"""`sweep`: lets each place that allocates fail, one by one, and says what the device does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from espbench.device.faults import FaultMonitor
from espbench.device.memory.device_memory import DeviceMemory
from espbench.errors import EspbenchError, MemoryLeaked, NotInspectable
from espbench.inspect.allocations import Outcome, Place
from espbench.util.timeouts import Deadline

__all__ = ["SweptDevice", "sweep"]

AGAIN = 15.0
"""Seconds (scaled) after a failure in which the device has to serve a client again."""
BACK = 3.0
"""Seconds (scaled) in which the exchange's memory has to be free again."""
BETWEEN = 0.2
"""Seconds between two clients that look whether the device serves again."""


class SweptDevice(Protocol):
    """The parts of a device that a sweep needs."""

    @property
    def memory(self) -> DeviceMemory:
        """Its memory."""

    @property
    def faults(self) -> FaultMonitor:
        """Its panics."""

    @property
    def resets(self) -> list[str]:
        """The cause of every boot, if the chip's ROM names it."""

    def reset(self, timeout: float | None = None, *, hard: bool = False) -> None:
        """Reset the machine and wait until it is ready again."""

    def wait_for_change(self, seconds: float) -> None:
        """Wait until the console shows something, for at most `seconds` (unscaled)."""


def sweep(
    device: SweptDevice,
    exchange: Callable[[], Any],
    *,
    places: Iterable[Place] | None = None,
    persistent: bool = False,
) -> Iterator[Outcome]:
    """Yield what happens when each place that allocates in an exchange fails, one by one.

    A panic that follows is part of the outcome, and no test has to expect it. A device that does
    not serve within 15 s is reset before the next place.

    Args:
        device: a device that is ready.
        exchange: talks to the device, such as one request; it raises an EspbenchError, an OSError
            or an AssertionError when the device does not serve it.
        places: the places to let fail; None for all that allocate during the exchange.
        persistent: whether, from the place on, every allocation fails until the exchange ends.

    Raises:
        NotInspectable: the firmware has no known allocator, or no ELF file that matches.
        StubError: QEMU has ended, or a debugger is attached.
    """
    memory = device.memory
    if places is None:
        exchange()  # the first one also allocates permanent memory
        places = memory.allocation_places(exchange)

    def serves() -> bool:
        deadline = Deadline(AGAIN)
        while not deadline.expired():
            device.faults.take_unseen()
            with contextlib.suppress(EspbenchError, OSError, AssertionError):
                exchange()
                return True
            device.wait_for_change(BETWEEN)
        device.faults.take_unseen()
        device.reset(hard=True)
        return False

    blocks: int | None = None

    def free(expected: int | None) -> int | None:
        nonlocal blocks
        with contextlib.suppress(NotInspectable, MemoryLeaked):
            if expected is not None and blocks is not None:
                # A block may be a few bytes larger than its predecessor, because the allocator
                # does not split off pieces that are too small: only a further block is a loss.
                with contextlib.suppress(MemoryLeaked):
                    memory.settle(BACK, free=0, blocks=blocks)
                    return expected
            at_rest = memory.at_rest()
            more = blocks is None or at_rest.blocks > blocks
            blocks = at_rest.blocks
            return at_rest.free if more or expected is None else expected
        return None

    def panics() -> int:
        return max(len(device.faults.panics), len(device.resets))

    yield from memory.inspection.allocations.sweep(
        places, exchange, serves, free=free, panics=panics, persistent=persistent
    )
