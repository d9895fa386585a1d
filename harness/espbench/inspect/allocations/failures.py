# SPDX-License-Identifier: MIT
"""`AllocationFailures`: allocations of an unmodified guest that fail, by their number or place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from dataclasses import dataclass

from espbench.errors import ConfigError
from espbench.inspect.allocations.allocators import Allocators, base_name, is_wrapper, retries
from espbench.inspect.allocations.entries import AllocationEntries
from espbench.inspect.allocations.places import RAW_DEPTH, Place, place_chain
from espbench.inspect.stub import (
    Action,
    FirmwareCode,
    Function,
    GdbStub,
    Handler,
    Return,
    Skip,
    Stop,
)

__all__ = ["AllocationFailures", "Retry", "Trial"]

INSTRUCTION = 4
"""Bytes of the longest instruction."""
SEARCH = 100
"""Allocations after which a place is not expected any more behind the call that leads to it."""

Points = list[tuple[int, Handler]]
Failed = Callable[[Points], None]
"""Called when an allocation fails, with the breakpoints that are not needed any more."""


@dataclass
class Trial:
    """A place whose allocation fails.

    Attributes:
        failed: how many allocations have failed so far.
    """

    failed: int = 0


class AllocationFailures:
    """Makes allocations fail, from outside; one failure at a time."""

    def __init__(self, stub: GdbStub, allocators: Allocators | None = None) -> None:
        """Prepare; nothing fails yet.

        Args:
            stub: the attached stub.
            allocators: the functions that allocate; None: found by their names.

        Raises:
            ConfigError: the firmware has no known allocator.
            StubError: the ELF is that of another build.
        """
        self._stub = stub
        self._allocators = Allocators.checked(stub, allocators)
        self._entries = AllocationEntries(stub, self._allocators, self._observe)
        self._number = 0
        self._persistent = False
        self._functions: tuple[Function, ...] = ()
        self._armed = False
        self._allocations = self._failed = 0
        self._retry = Retry(stub.code)
        self._restarts = self._restarts_when_armed = 0
        stub.on_restart.append(self._note_restart)

    def _note_restart(self) -> None:
        self._restarts += 1

    def check(self) -> None:
        """Raise the error that ended the stub, if one did.

        Raises:
            StubError: QEMU has ended, or a handler failed.
        """
        self._stub.check()

    # ---------------------------------------------------------------- by number

    def arm(self, number: int, persistent: bool = False, *, function: str = "") -> None:
        """Make the `number`-th next allocation fail, as `DeviceMemory.fail_alloc` does.

        Args:
            number: 1 is the next allocation; 0 disarms.
            persistent: whether all later ones fail, too, until it is disarmed or restarts.
            function: count only allocations with this function among their callers; "": all.

        Raises:
            ConfigError: there is no such function, or it is inlined wherever it is called.
            StubError: QEMU or the stub has ended.
        """
        self.disarm()
        self._number, self._persistent = number, persistent
        self._functions = self._named(function) if function else ()
        self._allocations = self._failed = 0
        self._retry = Retry(self._stub.code)
        if number:
            self._armed = True
            self._restarts_when_armed = self._restarts
            self._stub.change(add=self._entries.points)

    def disarm(self) -> None:
        """Let all allocations succeed again; the counts stay."""
        if self._armed:
            self._armed = False
            self._stub.change(remove=self._entries.points)

    @contextlib.contextmanager
    def failing(
        self, number: int, persistent: bool = False, *, function: str = ""
    ) -> Generator[AllocationFailures]:
        """Arm within the block; see `arm`."""
        self.arm(number, persistent, function=function)
        try:
            yield self
        finally:
            self.disarm()

    @property
    def seen(self) -> dict[str, int]:
        """The numbers of allocations and of failed ones since `arm`, as on the device."""
        return {"allocations": self._allocations, "failed": self._failed}

    def _observe(self, stop: Stop, _: int) -> Action | None:
        if self._restarts != self._restarts_when_armed:
            self.disarm()
            return None
        if self._retry.of(stop):
            return Return(0)
        if self._functions and not self._called_by(stop):
            return None
        self._allocations += 1
        if self._allocations < self._number:
            return None
        if self._allocations > self._number and not self._persistent:
            return None
        self._failed += 1
        self._retry.after(stop)
        return Return(0)

    def _named(self, name: str) -> tuple[Function, ...]:
        """Return the functions of this name; a compiler may append to it, as in f.isra.0."""
        functions = self._stub.code.functions.values()
        found = tuple(f for f in functions if base_name(f.name) == name)
        if not found:
            raise ConfigError(
                f"{self._stub.code.elf} has no function {name}: check its name, or name its "
                "caller if the compiler has inlined it."
            )
        return found

    def _called_by(self, stop: Stop) -> bool:
        # DWARF would find inlined functions, too, but the guest would wait for it for seconds.
        chain = stop.chain(RAW_DEPTH)
        return any(address - 1 in function for address in chain for function in self._functions)

    # ---------------------------------------------------------------- by place

    @contextlib.contextmanager
    def at(self, place: Place, persistent: bool = False) -> Generator[Trial]:
        """Make the next allocation of a place fail within the block.

        If no other place has the same call, the call returns NULL without being made, and the guest
        stops once. Otherwise it first stops at the call further out that tells the places apart,
        then at each allocation until the place's comes.

        Args:
            place: from `AllocationPlaces`.
            persistent: whether, from then on, every allocation of the guest fails; a restart of the
                guest ends that, too.

        Raises:
            StubError: QEMU or the stub has ended.
        """
        trial = Trial()
        restarts = self._restarts

        def fail(_: Stop, __: int) -> Action | None:
            if self._restarts != restarts:
                self._stub.change(remove=all_fail.points)
                return None
            trial.failed += 1
            return Return(0)

        all_fail = AllocationEntries(self._stub, self._allocators, fail)

        def failed(points: Points) -> None:
            trial.failed += 1
            if persistent:
                self._stub.change(remove=points, add=all_fail.points)

        call = self._call_of(place) if place.needed == 1 else None
        points = self._skipped(call, failed) if call is not None else self._ended(place, failed)
        self._stub.change(add=points[0])
        try:
            yield trial
        finally:
            self._stub.change(remove=[*points[0], *points[1], *all_fail.points])

    def _skipped(self, call: int, failed: Failed) -> tuple[Points, Points]:
        """Return the breakpoint that skips a call, once."""
        points: Points = []

        def at_call(_: Stop) -> Action:
            self._stub.change(remove=points)
            failed(points)
            return Skip(0)

        points.append((call, at_call))
        return points, []

    def _ended(self, place: Place, failed: Failed) -> tuple[Points, Points]:
        """Return breakpoints that end a place's allocation, once: the first, then the others."""
        code, wanted = self._stub.code, place.chain[: place.needed]
        retry = Retry(code)
        hit = False
        stops = 0

        def at_entry(stop: Stop, _: int) -> Action | None:
            nonlocal hit, stops
            if hit:
                if retry.of(stop):
                    return Return(0)
                self._stub.change(remove=entries)
                return None
            if place_chain(code, stop.chain(RAW_DEPTH))[: place.needed] == wanted:
                hit = True
                retry.after(stop)
                failed(entries)
                return Return(0)
            stops += 1
            if outer and stops >= SEARCH:
                self._stub.change(remove=entries, add=outer)
            return None

        def at_outer_call(_: Stop) -> None:
            nonlocal stops
            stops = 0
            self._stub.change(remove=outer, add=entries)

        entries = AllocationEntries(self._stub, self._allocators, at_entry).points
        outer: Points = []
        if place.needed > 1:
            outer.append((self._stub.abi.call_before(wanted[-1]), at_outer_call))
            return outer, entries
        return entries, []

    def _call_of(self, place: Place) -> int | None:
        """Return the address of the place's call, or None if it calls more than a wrapper.

        A function that jumps to the allocator at its end (a tail call) is not in the chain: to skip
        the call in its caller would skip the function, too.
        """
        code, abi = self._stub.code, self._stub.abi
        call = abi.call_before(place.chain[0])
        instruction = code.at(call, INSTRUCTION)
        if not instruction:
            return None
        target = abi.call_target(call, instruction)
        if target is None:
            return call
        function = code.function_at(target)
        known = function is not None and (
            is_wrapper(function.name) or self._allocators.at(target) is not None
        )
        return call if known else None


class Retry:
    """Recognizes a function that tries again elsewhere after its allocation has failed.

    `heap_caps_malloc_default` does so if there is external memory: it is still one allocation.
    """

    def __init__(self, code: FirmwareCode) -> None:
        """Start without a failed allocation."""
        self._code = code
        self._failed: tuple[int, tuple[int, ...]] | None = None

    def after(self, stop: Stop) -> None:
        """Note that the allocation of this stop fails."""
        self._failed = stop.stack_pointer, stop.chain(RAW_DEPTH)

    def of(self, stop: Stop) -> bool:
        """Return whether this is another try of the allocation that failed at the last stop."""
        failed, self._failed = self._failed, None
        if failed is None or failed[0] != stop.stack_pointer:
            return False
        first, second = failed[1], stop.chain(RAW_DEPTH)
        behind = _behind_retries(self._code, second)
        if first == second or not behind or behind != _behind_retries(self._code, first):
            return False
        self._failed = failed
        return True


def _behind_retries(code: FirmwareCode, chain: tuple[int, ...]) -> tuple[int, ...]:
    """Return a chain without the functions up to one that tries again; () if there is none."""
    for number, address in enumerate(chain):
        function = code.function_at(address - 1)
        if function is not None and retries(function.name):
            return chain[number + 1 :]
    return ()
