# SPDX-License-Identifier: MIT
"""`AllocationControl`: the allocations of one run of a guest, by QEMU's gdb stub."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from espbench.errors import ConfigError, NotInspectable
from espbench.inspect.allocations import (
    AllocationFailures,
    AllocationPlaces,
    Ballast,
    Outcome,
    Place,
    Trial,
    try_places,
)
from espbench.inspect.stub import FirmwareCode, GdbStub
from espbench.qemu.qmp import Qmp

__all__ = ["AllocationControl"]


class AllocationControl:
    """Sees allocations, lets them fail, and holds memory back.

    It attaches to the stub at its first use and stays attached until `close`: without a breakpoint,
    the guest runs at full speed. Every method raises StubError when the stub or QEMU has ended, or
    a debugger is attached, and NotInspectable when the firmware has no known allocator.
    """

    def __init__(
        self,
        elf: Callable[[], Path],
        qmp: Callable[[], Qmp],
        nudge: Callable[[], Any],
    ) -> None:
        """Prepare, without attaching.

        Args:
            elf: returns the firmware's ELF file; may raise NotInspectable.
            qmp: returns the monitor of the running QEMU.
            nudge: makes the guest allocate something; see `Ballast`.
        """
        self._elf = elf
        self._qmp = qmp
        self._nudge = nudge
        self._lock = threading.Lock()
        self._stub: GdbStub | None = None

    @property
    def stub(self) -> GdbStub:
        """The attached stub; one that a failed handler has ended is replaced."""
        with self._lock:
            if self._stub is not None and self._stub.ended is not None:
                self._stub.close()
                self._stub = None
                self._forget()
            if self._stub is None:
                try:
                    stub = GdbStub(self._qmp(), FirmwareCode(self._elf()))
                except ConfigError as error:
                    raise NotInspectable(str(error)) from None
                stub.start()
                self._stub = stub
            return self._stub

    def close(self) -> None:
        """Detach; the guest runs on, and what was held back stays held."""
        with self._lock:
            stub, self._stub = self._stub, None
            self._forget()
        if stub is not None:
            stub.close()

    # ---------------------------------------------------------------- by number

    def fail(self, number: int, persistent: bool = False) -> None:
        """Make the `number`-th next allocation fail; see `AllocationFailures.arm`."""
        self._refresh()
        self._failures.arm(number, persistent)

    @property
    def seen(self) -> dict[str, int]:
        """The numbers of allocations and of failed ones since `fail`."""
        return self._failures.seen

    # ---------------------------------------------------------------- by place

    def places(self, exchange: Callable[[], Any]) -> list[Place]:
        """Return the places that allocate during an exchange; see `AllocationPlaces.of`."""
        with _applicable():
            return AllocationPlaces(self.stub).of(exchange)

    @contextmanager
    def failing(self, place: Place, persistent: bool = False) -> Generator[Trial]:
        """Make the next allocation of a place fail; see `AllocationFailures.at`."""
        self._refresh()
        with self._failures.at(place, persistent) as trial:
            yield trial

    def sweep(
        self,
        places: Iterable[Place],
        exchange: Callable[[], Any],
        answers: Callable[[], bool],
        *,
        free: Callable[[int | None], int | None],
        panics: Callable[[], int],
        persistent: bool,
    ) -> Iterator[Outcome]:
        """Yield what happens when each place fails; see `try_places`."""
        self._refresh()
        yield from try_places(
            places,
            self._failures,
            exchange,
            answers,
            free=free,
            panics=panics,
            persistent=persistent,
        )

    # ---------------------------------------------------------------- ballast

    def hold(self, size: int) -> int:
        """Hold `size` bytes in total; see `Ballast.hold`."""
        self._refresh()
        return self._ballast.hold(size)

    @property
    def held(self) -> int:
        """The bytes that are held."""
        return self._ballast.held if "_ballast" in self.__dict__ else 0

    def _forget(self) -> None:
        """Drop what belongs to a stub that has ended."""
        for name in ("_failures", "_ballast"):
            self.__dict__.pop(name, None)

    def _refresh(self) -> None:
        """Attach again if the stub has ended, so that what follows belongs to the new one."""
        _ = self.stub

    @functools.cached_property
    def _failures(self) -> AllocationFailures:
        with _applicable():
            return AllocationFailures(self.stub)

    @functools.cached_property
    def _ballast(self) -> Ballast:
        with _applicable():
            return Ballast(self.stub, self._nudge)


@contextmanager
def _applicable() -> Generator[None]:
    """Raise NotInspectable for a firmware whose allocations cannot be seen."""
    try:
        yield
    except ConfigError as error:
        raise NotInspectable(str(error)) from None
