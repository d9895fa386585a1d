# SPDX-License-Identifier: MIT
"""`GuestMemory`: reads a guest's memory through QEMU's monitor, and holds the guest meanwhile."""

from __future__ import annotations

import contextlib
import re
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from espbench.errors import GuestBusy, InspectError, QmpError
from espbench.qemu.guest_memory import parse_words
from espbench.util.timeouts import Deadline

__all__ = ["GuestMemory", "Inconsistent", "MonitoredGuest"]

_REGISTER = re.compile(r"([A-Za-z0-9/]+)[ =]\s*([0-9a-f]{8})\b")
_CORE = re.compile(r"^CPU#\d+.*$", re.M)
FEW = 64
"""Words up to which the monitor's text is quicker than a file."""
ATTEMPTS = 20
"""How often to stop a guest that is changing what is read."""
BREATH = 0.002
"""Seconds that the guest gets between two attempts."""

Value = TypeVar("Value")


class MonitoredGuest(Protocol):
    """A guest with QEMU's monitor, such as a `Device`."""

    @property
    def folder(self) -> Path:
        """A folder for files of this guest."""

    @property
    def halting(self) -> AbstractContextManager[Any]:
        """A lock for whoever stops the guest and lets it run on; see `Qmp.halting`."""

    def monitor(self, command: str, timeout: float | Deadline = 5.0, /, **arguments: Any) -> Any:
        """Execute a QMP command and return its result.

        Raises:
            QmpError: QEMU refused it.
        """

    def wait_for_change(self, seconds: float) -> None:
        """Wait until the console shows something, for at most `seconds` (unscaled)."""


class Inconsistent(Exception):
    """The guest was stopped while it was changing a list or a heap."""


class GuestMemory:
    """The memory of a running guest, by virtual address.

    Reads see the address space of the first core: also PSRAM and flash, which the chip maps through
    its cache.
    """

    def __init__(self, guest: MonitoredGuest) -> None:
        """Prepare; nothing is read yet."""
        self._guest = guest
        self._lock = threading.RLock()

    def read(self, address: int, size: int) -> bytes:
        """Return `size` bytes.

        Raises:
            InspectError: the guest has no such memory.
            QmpError: QEMU did not answer.
        """
        start = address & ~3
        words = (address + size - start + 3) // 4
        data = self._words(start, words) if words <= FEW else self._file(start, words * 4)
        return data[address - start : address - start + size]

    def word(self, address: int) -> int:
        """Return an unsigned number of 32 bits; see `read`."""
        return int(struct.unpack("<I", self._words(address, 1))[0])

    def _words(self, address: int, words: int) -> bytes:
        line = f"x /{words}xw {address:#x}"
        text = str(self._guest.monitor("human-monitor-command", command_line=line))
        try:
            return parse_words(text, words)
        except QmpError:
            raise _unmapped(address, words * 4) from None

    def _file(self, address: int, size: int) -> bytes:
        with self._lock:
            path = self._guest.folder / "guest-memory"
            try:
                self._guest.monitor("memsave", val=address, size=size, filename=str(path))
                data = path.read_bytes()
            except QmpError as error:
                if "Invalid addr" in str(error):
                    raise _unmapped(address, size) from None
                raise
            finally:
                path.unlink(missing_ok=True)
        return data

    def registers(self) -> list[dict[str, int]]:
        """Return the registers of each core, by the names of QEMU's `info registers`.

        Raises:
            QmpError: QEMU did not answer.
        """
        line = "info registers -a"
        text = str(self._guest.monitor("human-monitor-command", command_line=line))
        cores = _CORE.split(text)
        return [
            {name.strip("/"): int(value, 16) for name, value in _REGISTER.findall(core)}
            for core in cores
            if _REGISTER.search(core)
        ]

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Stop the guest and its clock for the block, unless something else has stopped it.

        Raises:
            QmpError: QEMU did not answer.
        """
        # A breakpoint that the guest reaches meanwhile is handled afterwards.
        with self._guest.halting, self._lock:  # in the order of the gdb stub's thread
            status = self._guest.monitor("query-status")
            stops = bool(status["running"])
            try:
                if stops:
                    # When its answer comes too late, the guest still stops.
                    self._guest.monitor("stop")
                yield
            finally:
                if stops:
                    self._guest.monitor("cont")

    def consistent(self, read: Callable[[], Value]) -> Value:
        """Return the result of `read`, which is called with the guest held.

        Args:
            read: raises `Inconsistent` when the guest was stopped at a bad moment; the guest then
                runs a little before the next attempt.

        Raises:
            GuestBusy: every moment was a bad one.
        """
        why = ""
        for _ in range(ATTEMPTS):
            with self.held():
                try:
                    return read()
                except Inconsistent as error:
                    why = str(error)
            self._guest.wait_for_change(BREATH)
        raise GuestBusy(
            f"The guest was stopped {ATTEMPTS} times, each time while it was modifying the data "
            f"being read ({why}): its heap or a list may be damaged, or it may hang in its "
            "allocator."
        )


def _unmapped(address: int, size: int) -> InspectError:
    return InspectError(
        f"The guest has no memory at {address:#010x} ({size} bytes): a pointer in the guest is "
        "damaged, or the ELF file comes from a different build."
    )
