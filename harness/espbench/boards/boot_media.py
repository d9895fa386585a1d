# SPDX-License-Identifier: MIT
"""How the firmware and the flash image are passed to the machine, as arguments of QEMU."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from espbench.errors import ConfigError
from espbench.flash import kernel_elf, reset_vector

Files = Mapping[str, Callable[[Path, str], bytes]]
"""Functions that make a file's content from firmware and boot arguments, by the file's name."""

__all__ = [
    "BOOT_ARGUMENTS",
    "BootMedia",
    "Efuse",
    "FlashBoot",
    "KernelBoot",
    "option_value",
    "write_files",
]

BOOT_ARGUMENTS = "boot-arguments.cfg"
"""Name of the file with a kernel's boot arguments, which may be secret, for QEMU's `-readconfig`: a
command line can be read by every user of the machine."""
LONGEST_LINE = 1023
"""Bytes that QEMU reads as a value in such a file (util/qemu-config.c), and the guest of `lx60`."""


def option_value(path: Path | str) -> str:
    """Return `path` as a value inside a QEMU option, with commas doubled."""
    return str(path).replace(",", ",,")


def write_files(media: BootMedia, folder: Path, firmware: Path, boot_arguments: str) -> None:
    """Write the files that a machine needs besides the flash image, readable by this user only.

    Raises:
        ConfigError: QEMU could not read the boot arguments.
        OSError: a file cannot be written.
    """
    for name, content in media.files.items():
        data = content(firmware, boot_arguments)
        path = folder / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)


def _boot_config(_firmware: Path, line: str) -> bytes:
    """Return the boot arguments as a file for `-readconfig`.

    Raises:
        ConfigError: they do not fit into one.
    """
    if len(line) > LONGEST_LINE or '"' in line:
        raise ConfigError(
            f"The boot arguments have {len(line)} characters: QEMU reads at most {LONGEST_LINE} "
            "from a file, without quotation marks."
        )
    return f'[machine]\n  append = "{line}"\n'.encode()


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

    def arguments(self, firmware: Path, flash: Path) -> list[str]:
        """Return QEMU's arguments; the further files are beside the flash image."""


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
        return {
            self.RESET_VECTOR: lambda kernel, _: reset_vector.code(kernel_elf.entry(kernel)),
            BOOT_ARGUMENTS: _boot_config,
        }

    def flaw(self, firmware: Path) -> str:
        """Return why QEMU could not load this file, or ""."""
        return kernel_elf.flaw(firmware, self.processor)

    def arguments(self, firmware: Path, flash: Path) -> list[str]:
        """Return QEMU's arguments; the further files are beside the flash image."""
        vector = option_value(flash.with_name(self.RESET_VECTOR))
        return [
            *("-kernel", str(firmware)),
            *("-readconfig", str(flash.with_name(BOOT_ARGUMENTS))),
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
        return {} if efuse is None else {self.EFUSE: lambda _firmware, _arguments: efuse.content()}

    def flaw(self, firmware: Path) -> str:  # noqa: ARG002
        """Return "": the chip's ROM and the bootloader report faults on the console."""
        return ""

    def arguments(self, firmware: Path, flash: Path) -> list[str]:  # noqa: ARG002
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
