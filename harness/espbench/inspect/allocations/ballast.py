# SPDX-License-Identifier: MIT
"""`Ballast`: memory of an unmodified guest that is held back, by calls of its own allocator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from espbench.clients.errors import ClientError
from espbench.inspect.allocations.allocators import Allocators
from espbench.inspect.allocations.entries import AllocationEntries
from espbench.inspect.stub import Action, Call, GdbStub, Pending, Stop
from espbench.util.timeouts import Deadline

__all__ = ["Ballast"]

SMALLEST = 64
"""Bytes of the smallest block that is tried when larger ones do not fit."""
PATIENCE = 30.0
"""Seconds (scaled) for the guest to allocate something, which is when blocks are taken."""
NUDGE = 0.5
"""Seconds (scaled) between two nudges."""


class Ballast:
    """Blocks that the guest has allocated for nobody; several if one does not fit.

    They are taken and given back when the guest is about to allocate something anyway: its
    allocator is called once more, then its own call goes on.
    """

    def __init__(
        self,
        stub: GdbStub,
        nudge: Callable[[], Any],
        allocators: Allocators | None = None,
    ) -> None:
        """Prepare; nothing is held yet.

        Args:
            stub: the attached stub.
            nudge: makes the guest allocate something, such as a TCP connection to any forwarded
                port, whose frames need buffers. It may raise ClientError.
            allocators: the functions that allocate; None: found by their names.

        Raises:
            ConfigError: the firmware has no known allocator.
            StubError: the ELF is that of another build.
        """
        self._stub = stub
        self._nudge = nudge
        self._allocators = Allocators.checked(stub, allocators)
        self._entries = AllocationEntries(stub, self._allocators, self._observe)
        self._blocks: list[tuple[int, int]] = []
        self._wanted = 0
        self._next = 0
        self._pending: Pending | None = None
        self._busy = False
        stub.on_restart.append(self._forget)

    @property
    def held(self) -> int:
        """The bytes that are held now, without the allocator's overhead."""
        return sum(size for _, size in self._blocks)

    @property
    def blocks(self) -> int:
        """The number of blocks that are held now."""
        return len(self._blocks)

    def hold(self, size: int, timeout: float | Deadline = PATIENCE) -> int:
        """Hold so many bytes in total; return the bytes held, fewer if there is not enough memory.

        Args:
            size: bytes; 0 gives all back.
            timeout: seconds, scaled; or a deadline.

        Raises:
            StubTimeout: the guest allocated nothing in time, although it was nudged.
            GuestRestarted: the guest restarted, so nothing is held any more.
            StubError: QEMU or the stub has ended.
        """
        if size == self.held:
            return size
        deadline = Deadline.of(timeout)
        pending = self._stub.pending()
        self._wanted, self._next, self._pending = size, size - self.held, pending
        self._stub.change(add=self._entries.points, first=True)
        try:
            while not pending.done and not deadline.expired():
                try:
                    self._nudge()
                except ClientError:
                    continue  # it has allocated something, or there is no memory left to do so
                finally:
                    pending.ready(min(Deadline(NUDGE).remaining(), deadline.remaining()))
            held: int = pending.wait(
                deadline,
                "the guest allocated nothing, so no memory could be held or given back: "
                "is it hanging, or does `nudge` not reach it?",
            )
            return held
        finally:
            self._pending = None
            self._stub.change(remove=self._entries.points)

    def release(self, timeout: float | Deadline = PATIENCE) -> None:
        """Give everything back; see `hold`."""
        self.hold(0, timeout)

    def _forget(self) -> None:
        """Forget the blocks of a guest that has restarted."""
        self._blocks.clear()
        self._busy = False

    def _observe(self, _: Stop, __: int) -> Action | None:
        # Other tasks may allocate while one task makes the calls.
        if self._pending is None or self._busy:
            return None
        self._busy = True
        return self._continue()

    def _continue(self) -> Action | None:
        """Return the next call, or None once the wanted size is held."""
        if self._blocks and self.held > self._wanted:
            # What was taken last: the first blocks are the largest.
            address, size = self._blocks.pop()
            # A part of it may have to be taken again.
            self._next = max(0, self._wanted - self.held)
            return Call(self._allocators.give.address, (address,), lambda _, __: self._continue())
        missing = self._wanted - self.held
        size = min(self._next, missing)
        if missing <= 0 or (size < SMALLEST and size < missing) or size <= 0:
            self._busy = False
            if self._pending is not None:
                self._pending.deliver(self.held)
            return None

        def taken(block: int, _: Stop) -> Action | None:
            if block:
                self._blocks.append((block, size))
            else:
                self._next = size // 2
            return self._continue()

        arguments = self._allocators.take_arguments(size)
        return Call(self._allocators.take.address, arguments, taken)
