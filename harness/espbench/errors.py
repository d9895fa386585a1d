# SPDX-License-Identifier: MIT
"""The exception hierarchy of espbench.

`espbench.clients.errors` defines the errors of clients, and `espbench.inspect.stub.errors` those of
the gdb stub's client.

Every message is a sentence that says what happened and, where possible, what to do next.
Attributes carry the same facts for programs. `MemoryLeaked` is also an AssertionError.

    EspbenchError
    ├── ConfigError
    │   └── WrongElf
    ├── BuildError
    ├── SourceError
    ├── ToolMissing
    ├── SetupError
    ├── DiskFull
    ├── ImageError
    │   ├── BadFileName
    │   └── FileSystemFull
    ├── ArchiveError
    ├── QemuError
    │   ├── QemuNotFound
    │   ├── QemuCannotStart
    │   ├── QemuTooOld
    │   ├── QmpError
    │   ├── PortInUse
    │   └── QemuDied
    ├── DeviceError
    │   ├── NotRunning
    │   ├── NotReady
    │   │   └── RebootLoop
    │   ├── ConsoleTimeout
    │   ├── ControlError
    │   ├── ControlTimeout
    │   ├── MemoryLeaked
    │   ├── FigureUnavailable
    │   ├── InspectError
    │   │   ├── NotInspectable
    │   │   │   └── NotEmulated
    │   │   ├── GuestBusy
    │   │   └── StubError
    │   │       ├── StubBusy
    │   │       ├── StubClosed
    │   │       ├── StubTimeout
    │   │       ├── StubRefused
    │   │       └── GuestRestarted
    │   └── Panicked
    ├── GateError
    └── ClientError
        ├── ClientTimeout
        ├── ConnectionEnded
        ├── TlsError
        ├── HttpError
        ├── WebSocketError
        └── WebReplError
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, Protocol

__all__ = [
    "ArchiveError",
    "BadFileName",
    "BuildError",
    "ConfigError",
    "ConsoleTimeout",
    "ControlError",
    "ControlTimeout",
    "DeviceError",
    "DiskFull",
    "EspbenchError",
    "FigureUnavailable",
    "FileSystemFull",
    "GateError",
    "GuestBusy",
    "ImageError",
    "InspectError",
    "MemoryLeaked",
    "NotEmulated",
    "NotInspectable",
    "NotReady",
    "NotRunning",
    "PanicFacts",
    "Panicked",
    "PortInUse",
    "QemuCannotStart",
    "QemuDied",
    "QemuError",
    "QemuNotFound",
    "QemuTooOld",
    "QmpError",
    "RebootLoop",
    "SetupError",
    "SourceError",
    "ToolMissing",
    "WrongElf",
    "is_disk_full",
]


class EspbenchError(Exception):
    """Base class of all errors of espbench."""

    exit_status = 1
    """Exit status of a command that ends with this error."""


class ConfigError(EspbenchError):
    """A board, an option or an argument is invalid; raised before anything starts."""


class WrongElf(ConfigError):
    """The ELF file that was named belongs to another build than the firmware."""

    exit_status = 2
    """As for any option that cannot be used (argparse)."""


class BuildError(EspbenchError):
    """The firmware could not be built."""


class SourceError(EspbenchError):
    """A third-party source could not be fetched, checked or unpacked."""


class ToolMissing(EspbenchError):
    """A program that espbench needs is not installed."""


class SetupError(EspbenchError):
    """Espressif's tools could not be installed."""


class DiskFull(EspbenchError):
    """A file could not be written because the file system is full."""


def is_disk_full(error: OSError) -> bool:
    """Return whether the error says that a file system or a user's quota on it is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


class ImageError(EspbenchError):
    """The flash image could not be built."""


class ArchiveError(EspbenchError):
    """A recording cannot be written, read or replayed."""


class BadFileName(ImageError):
    """The device's file system cannot hold a file of this name."""


class FileSystemFull(ImageError):
    """The files do not fit into the device's file system."""


class QemuError(EspbenchError):
    """QEMU could not be started or controlled."""


class QemuNotFound(QemuError):
    """The board's QEMU is not installed."""


class QemuCannotStart(QemuError):
    """The board's QEMU is installed, but it cannot start, such as without a shared library.

    Attributes:
        remedy: the command that helps.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class QemuTooOld(QemuError):
    """The board's QEMU is older than the board needs."""


class QmpError(QemuError):
    """QEMU refused a monitor command, or did not answer in time."""


class PortInUse(QemuError):
    """A fixed host port is taken."""


class QemuDied(QemuError):
    """QEMU exited unexpectedly.

    Attributes:
        status: the exit status; the negated signal number if a signal killed it.
        stderr: the end of QEMU's standard error.
    """

    def __init__(self, message: str, *, status: int | None = None, stderr: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.stderr = stderr


class DeviceError(EspbenchError):
    """The device failed, or did not do what was asked."""


class NotRunning(DeviceError):
    """The device has not been started, or has been stopped."""


class NotReady(DeviceError):
    """The device did not become ready in time.

    Attributes:
        tail: the end of its console.
    """

    def __init__(self, message: str, *, tail: str = "") -> None:
        super().__init__(message)
        self.tail = tail


class RebootLoop(NotReady):
    """The device keeps rebooting and never becomes ready.

    Attributes:
        boots: how often it booted during the wait.
        cause: the cause of the last reset, as named by the chip's ROM or else the firmware.
    """

    def __init__(self, message: str, *, boots: int, cause: str, tail: str = "") -> None:
        super().__init__(message, tail=tail)
        self.boots = boots
        self.cause = cause


class ConsoleTimeout(DeviceError):
    """The expected console output did not appear in time."""


class ControlError(DeviceError):
    """The device refused a control request.

    Attributes:
        traceback: the guest's traceback when Python code raised, else "".
    """

    def __init__(self, message: str, *, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class ControlTimeout(DeviceError):
    """The device did not answer a control request in time."""


class MemoryLeaked(DeviceError, AssertionError):
    """The device's heap did not return to its earlier level."""


class FigureUnavailable(DeviceError):
    """This board or firmware cannot measure a figure."""


class GateError(EspbenchError):
    """The gate has no baseline to compare with."""


class PanicFacts(Protocol):
    """The interface of `espbench.Panic`, which this module cannot import."""

    @property
    def cause(self) -> str:
        """The cause, such as "LoadProhibited", "assert" or "abort"."""

    @property
    def headline(self) -> str:
        """The first line of the dump."""

    @property
    def at(self) -> float:
        """Seconds since the device's start."""

    @property
    def dump(self) -> Any:
        """The parsed dump, an `espbench.crash.types.Dump`: registers, stack, text."""

    @property
    def backtrace(self) -> tuple[Any, ...]:
        """The decoded `espbench.crash.types.Frame`s, innermost first."""

    def report(self) -> str:
        """Return the decoded panic and the dump as printed."""


class InspectError(DeviceError):
    """The firmware could not be looked into from outside."""


class NotInspectable(InspectError):
    """The firmware lacks what this look needs, such as its ELF file or an operating system.

    Such a check is not applicable, which is different from a failure.
    """


class NotEmulated(NotInspectable):
    """The emulator that runs the device lacks a feature that another one has."""


class GuestBusy(InspectError):
    """The guest was changing what was to be read each time that it was stopped."""


class Panicked(DeviceError):
    """The guest panicked, which is the cause of any later failure.

    Attributes:
        panic: registers, cause and decoded backtrace.
        evidence: path of the dump, if one was written.
    """

    def __init__(self, message: str, panic: PanicFacts, *, evidence: Path | None = None) -> None:
        super().__init__(message)
        self.panic = panic
        self.evidence = evidence
