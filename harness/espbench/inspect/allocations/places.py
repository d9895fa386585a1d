# SPDX-License-Identifier: MIT
"""`AllocationPlaces`: the distinct places of the firmware that allocate during an exchange."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from espbench.crash.types import Frame
from espbench.inspect.allocations.allocators import Allocators, is_wrapper
from espbench.inspect.allocations.entries import AllocationEntries
from espbench.inspect.stub import Action, FirmwareCode, GdbStub, Stop

__all__ = ["DEPTH", "RAW_DEPTH", "AllocationPlaces", "Place", "group", "place_chain"]

DEPTH = 4
"""Number of return addresses that tell places apart."""
RAW_DEPTH = 14
"""Number of return addresses that are read, because wrappers are among them."""


@dataclass(frozen=True)
class Place:
    """A place that allocates: a call, and the calls that led to it.

    Attributes:
        chain: the return addresses from the first function that is not a wrapper, innermost first.
        frames: function, file and line of each, inlined functions first.
        count: how often it allocated.
        sizes: how often it asked for how many bytes.
        needed: how many addresses of the chain tell it from the other places of the exchange; with
            1, no other place has the same call. The rest may differ from one exchange to the next.
    """

    chain: tuple[int, ...]
    frames: tuple[Frame, ...]
    count: int
    sizes: tuple[tuple[int, int], ...]
    needed: int

    @property
    def name(self) -> str:
        """The function, with file and line as in "mbedtls_ssl_setup (ssl_tls.c:1234)"."""
        return _named(self.frames[0])

    @property
    def callers(self) -> tuple[str, ...]:
        """The functions that led to the place, innermost first, named like `name`."""
        return tuple(_named(frame) for frame in self.frames[1:])

    @property
    def path(self) -> str:
        """The calls that tell it from other places, innermost first: "f (f.c:1) < g (g.c:2)"."""
        needed = set(self.chain[: self.needed])
        frames = [frame for frame in self.frames if frame.address in needed and not frame.inlined]
        return " < ".join(_named(frame) for frame in frames) if self.needed > 1 else self.name

    def __str__(self) -> str:
        """Return the place with its count and sizes, on one line."""
        sizes = ", ".join(f"{size} B" for size, _ in self.sizes[:3])
        more = ", ..." if len(self.sizes) > 3 else ""
        return f"{self.path}: {self.count} times, {sizes}{more}"


class AllocationPlaces:
    """Collects places while a callable runs."""

    def __init__(self, stub: GdbStub, allocators: Allocators | None = None) -> None:
        """Prepare; nothing stops yet.

        Args:
            stub: the attached stub.
            allocators: the functions that allocate; None: found by their names.

        Raises:
            ConfigError: the firmware has no known allocator.
            StubError: the ELF is that of another build.
        """
        self._stub = stub
        self._allocators = Allocators.checked(stub, allocators)
        self._seen: dict[tuple[int, ...], Counter[int]] = {}

    def of(self, exchange: Callable[[], Any]) -> list[Place]:
        """Run an exchange and return the places that allocated meanwhile, the first ones first.

        Raises:
            StubError: QEMU or the stub has ended.
            Exception: what the exchange raised.
        """
        self._seen = {}
        entries = AllocationEntries(self._stub, self._allocators, self._observe)
        with self._stub.breakpoints(*entries.points):
            exchange()
        return group(self._stub.code, self._seen)

    def _observe(self, stop: Stop, size: int) -> Action | None:
        self._seen.setdefault(stop.chain(RAW_DEPTH), Counter())[size] += 1
        return None


def place_chain(code: FirmwareCode, raw: Iterable[int]) -> tuple[int, ...]:
    """Return a chain without the wrappers at its beginning, and cut to `DEPTH`."""
    chain = tuple(raw)
    first = 0
    for address in chain[:-1]:
        function = code.function_at(address - 1)
        if function is None or not is_wrapper(function.name):
            break
        first += 1
    return chain[first : first + DEPTH]


def group(code: FirmwareCode, seen: dict[tuple[int, ...], Counter[int]]) -> list[Place]:
    """Return the places of raw chains, in the order of these."""
    sizes: dict[tuple[int, ...], Counter[int]] = {}
    for chain, counter in seen.items():
        sizes.setdefault(place_chain(code, chain), Counter()).update(counter)
    sharing = Counter(key[:length] for key in sizes for length in range(1, len(key) + 1))
    return [
        Place(
            chain=key,
            frames=_frames(code, key),
            count=counter.total(),
            sizes=tuple(counter.most_common()),
            needed=next((n for n in range(1, len(key)) if sharing[key[:n]] == 1), len(key)),
        )
        for key, counter in sizes.items()
    ]


def _frames(code: FirmwareCode, chain: tuple[int, ...]) -> tuple[Frame, ...]:
    """Return the frames of a chain; an inlined wrapper does not name the place."""
    frames = [frame for address in chain for frame in code.frames(address)]
    while len(frames) > 1 and frames[0].inlined and is_wrapper(frames[0].function):
        del frames[0]
    return tuple(frames)


def _named(frame: Frame) -> str:
    if not frame.file:
        return f"{frame.function} (0x{frame.address:08x})"
    return f"{frame.function} ({PurePath(frame.file).name}:{frame.line})"
