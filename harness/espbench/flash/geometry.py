# SPDX-License-Identifier: MIT
"""`Flash`: geometry of a board's flash, as data."""

from __future__ import annotations

from dataclasses import dataclass

from espbench.errors import ConfigError


@dataclass(frozen=True)
class Flash:
    """Geometry of the flash and of the file system in it, in bytes.

    Attributes:
        size: size of the whole flash.
        start: offset of the file system.
        length: size of the file system; 0: no file system.
        block: size of a littlefs block, which is an erase unit.
        unit: smallest read and write (`read_size` and `prog_size` of littlefs).
        firmware_at: offset of the firmware if it shares the flash, else None.
        bootloader_at: offset of a firmware image that begins with the bootloader, as MicroPython's
            releases do.
        files_format: name of the file system's format; see `filesystems.registry`.
        formatted: whether a device without files starts with an empty file system, not with an
            erased partition, which a firmware formats itself.
        arguments_at: offset of the boot arguments if the flash holds them, else None.
        arguments_length: space for the boot arguments.
        sizes: flash sizes that the machine supports, smallest first; empty: only `size`.
    """

    size: int
    start: int
    length: int
    block: int
    unit: int
    firmware_at: int | None = None
    arguments_at: int | None = None
    arguments_length: int = 0
    sizes: tuple[int, ...] = ()
    bootloader_at: int = 0
    files_format: str = "littlefs"
    formatted: bool = True

    def __post_init__(self) -> None:
        """Check that the numbers fit together."""
        if self.start < 0 or self.length < 0 or self.start + self.length > self.size:
            raise ConfigError(
                f"The file system ({self.start} + {self.length} bytes) does not fit into a flash "
                f"of {self.size} bytes: change start, length or size."
            )
        if self.block <= 0 or self.length % self.block:
            raise ConfigError(
                f"The file system's length of {self.length} bytes is not a multiple of its block "
                f"size of {self.block}: change length or block."
            )
        if self.unit <= 0 or self.block % self.unit:
            raise ConfigError(
                f"The block size of {self.block} bytes is not a multiple of the smallest write of "
                f"{self.unit}: change block or unit."
            )
        end = (self.arguments_at or 0) + self.arguments_length
        if (self.arguments_at is None) != (self.arguments_length == 0) or end > self.size:
            raise ConfigError(
                f"The area for boot arguments ({self.arguments_at} + {self.arguments_length} "
                f"bytes) does not fit into a flash of {self.size} bytes: change arguments_at or "
                "arguments_length."
            )
