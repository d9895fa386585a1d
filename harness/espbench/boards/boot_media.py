# SPDX-License-Identifier: MIT
"""How the firmware and the flash image are passed to the machine, as arguments of QEMU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from espbench.flash import kernel_elf, reset_vector

Files = Mapping[str, Callable[[Path], bytes]]
"""Functions that make a file's content from the firmware, by the file's name."""

__all__ = ["BootMedia", "Efuse", "FlashBoot", "KernelBoot", "option_value"]


def option_value(path: Path | str) -> str:
    """Return `path` as a value inside a QEMU option, with commas doubled."""
    return str(path).replace(",", ",,")


class BootMedia(Protocol):
    """How the firmware and the flash image are passed to the machine."""

    @property
    def takes_boot_arguments(self) -> bool:
        """Whether there is a command line that the guest can read."""

    @property
    def files(self) -> Files:
        """Further files that the machine needs, besides the flash image."""

    def flaw(self, firmware: Path) -> str:
        """Return why this file cannot be booted, as part of a sentence; "" if it can."""

    def arguments(self, firmware: Path, flash: Path, boot_arguments: str) -> list[str]:
        """Return QEMU's arguments."""


@dataclass(frozen=True)
class KernelBoot:
    """An ELF for `-kernel`, and a separate CFI flash for the file system (`-drive if=pflash`).

    Attributes:
        processor: required processor, as in the ELF's `e_machine`.
    """

    processor: str = "EM_XTENSA"
    takes_boot_arguments: bool = True

    RESET_VECTOR = "reset-vector.bin"
    """Name of the file with the code that starts the kernel, next to the flash image."""

    @property
    def files(self) -> Files:
        """Further files that the machine needs, besides the flash image."""
        return {self.RESET_VECTOR: lambda kernel: reset_vector.code(kernel_elf.entry(kernel))}

    def flaw(self, firmware: Path) -> str:
        """Return why QEMU could not load this file, or ""."""
        return kernel_elf.flaw(firmware, self.processor)

    def arguments(self, firmware: Path, flash: Path, boot_arguments: str) -> list[str]:
        """Return QEMU's arguments."""
        vector = option_value(flash.with_name(self.RESET_VECTOR))
        return [
            *("-kernel", str(firmware)),
            *("-append", boot_arguments),
            *("-drive", f"if=pflash,format=raw,file={option_value(flash)}"),
            "-device",
            f"loader,addr={reset_vector.ADDRESS:#x},force-raw=on,file={vector}",
        ]


@dataclass(frozen=True)
class Efuse:
    """The chip's eFuses, which QEMU keeps in a file (as `idf.py qemu` does: qemu_ext.py).

    Attributes:
        driver: QEMU's device.
        size: size of the file in bytes.
        burnt: the non-zero bytes, by position.
    """

    driver: str
    size: int
    burnt: Mapping[int, int] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the content of the file."""
        data = bytearray(self.size)
        for position, value in self.burnt.items():
            data[position] = value
        return bytes(data)


@dataclass(frozen=True)
class FlashBoot:
    """One SPI flash that holds everything, for `-drive if=mtd` (Espressif's QEMU)."""

    efuse: Efuse | None = None
    takes_boot_arguments: bool = False

    EFUSE = "efuse.bin"
    """Name of the eFuse file, next to the flash image."""

    @property
    def files(self) -> Files:
        """Further files that the machine needs, besides the flash image."""
        efuse = self.efuse
        return {} if efuse is None else {self.EFUSE: lambda _firmware: efuse.content()}

    def flaw(self, firmware: Path) -> str:  # noqa: ARG002
        """Return "": the chip's ROM and the bootloader report faults on the console."""
        return ""

    def arguments(self, firmware: Path, flash: Path, boot_arguments: str) -> list[str]:  # noqa: ARG002
        """Return QEMU's arguments; firmware and boot arguments are inside the flash image."""
        arguments = ["-drive", f"if=mtd,format=raw,file={option_value(flash)}"]
        if self.efuse is not None:
            path = option_value(flash.with_name(self.EFUSE))
            arguments += [
                "-drive",
                f"if=none,format=raw,id=efuse,file={path}",
                "-global",
                f"driver={self.efuse.driver},property=drive,value=efuse",
            ]
        return arguments
