# SPDX-License-Identifier: MIT
"""`AllocationEntries`: calls a function for each allocation of the guest, exactly once."""

from __future__ import annotations

from collections.abc import Callable

from espbench.inspect.allocations.allocators import Allocators
from espbench.inspect.stub import Action, GdbStub, Handler, Stop

__all__ = ["AllocationEntries", "Observer"]

Observer = Callable[[Stop, int], Action | None]
"""Called at an allocator's entry with the size in bytes; may end the allocation by `Return`."""


class AllocationEntries:
    """Breakpoints at the allocators' entries."""

    def __init__(self, stub: GdbStub, allocators: Allocators, observer: Observer) -> None:
        """Prepare, without setting breakpoints."""
        stub.code.prepare()
        self._stub = stub
        self._allocators = allocators
        self._observer = observer
        self._last: tuple[int, int, int] | None = None

    @property
    def points(self) -> list[tuple[int, Handler]]:
        """The addresses and the handler, for `GdbStub.change`."""
        return [(a.function.address, self._handle) for a in self._allocators.all]

    def _handle(self, stop: Stop) -> Action | None:
        allocator = self._allocators.at(stop.address)
        if allocator is None:
            return None
        size = allocator.requested(stop)
        # A compiler may replace the call of an allocator by a jump (a tail call): both then have
        # the same caller.
        here = stop.address, stop.stack_pointer, stop.return_address
        before, self._last = self._last, here if allocator.resizes else None
        jumped = before is not None and before[1:] == here[1:] and before[0] != here[0]
        if size == 0 or jumped or self._allocators.continues(stop):
            return None
        return self._observer(stop, size)
