"""The boards, as data: everything that differs between them is in a `Board`.

Nothing else in espbench asks which board it has. A new board is one more entry in `BOARDS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from espbench.errors import ConfigError
from espbench.readiness import ListeningReadiness, Readiness

__all__ = ["BOARDS", "Board", "Flash", "FlashImage", "Handover", "KernelAndPflash", "board_named"]


ENCODED_SAFE = "!#$&'()*+,/:;=?@[]~"
"""What percent-encoding leaves alone besides letters, digits and -._: printable, no space, no %."""


def option_value(path: Path | str) -> str:
    """Return `path` as a value inside a QEMU option, where a comma is written twice."""
    return str(path).replace(",", ",,")


class Handover(Protocol):
    """How the firmware and the flash image reach the machine."""

    @property
    def takes_boot_arguments(self) -> bool:
        """Whether there is a command line that the guest can read."""

    def arguments(self, firmware: Path, flash: Path, boot_arguments: str) -> list[str]:
        """Return QEMU's arguments."""


@dataclass(frozen=True)
class KernelAndPflash:
    """An ELF by `-kernel`, the file system in a CFI flash of its own (`-drive if=pflash`)."""

    takes_boot_arguments: bool = True

    def arguments(self, firmware: Path, flash: Path, boot_arguments: str) -> list[str]:
        """Return QEMU's arguments."""
        return [
            "-kernel",
            str(firmware),
            "-append",
            boot_arguments,
            "-drive",
            f"if=pflash,format=raw,file={option_value(flash)}",
        ]


@dataclass(frozen=True)
class FlashImage:
    """One SPI flash that holds everything, by `-drive if=mtd` (Espressif's QEMU)."""

    takes_boot_arguments: bool = False

    def arguments(self, firmware: Path, flash: Path, boot_arguments: str) -> list[str]:  # noqa: ARG002
        """Return QEMU's arguments; the firmware is inside the flash image."""
        return ["-drive", f"if=mtd,format=raw,file={option_value(flash)}"]


@dataclass(frozen=True)
class Flash:
    """Geometry of the flash and of the littlefs in it, in bytes.

    Attributes:
        size: the whole flash.
        start: where the file system begins.
        length: how long the file system is.
        block: size of a littlefs block, which is an erase unit.
        unit: smallest read and write (`read_size` and `prog_size` of littlefs).
        firmware_at: where the firmware goes when it shares the flash, else None.
    """

    size: int
    start: int
    length: int
    block: int
    unit: int
    firmware_at: int | None = None

    def __post_init__(self) -> None:
        """Check that the numbers fit together."""
        if self.start < 0 or self.length <= 0 or self.start + self.length > self.size:
            raise ConfigError(
                f"The file system ({self.start} + {self.length} bytes) does not fit into a flash "
                f"of {self.size} bytes: change start, length or size."
            )
        if self.block <= 0 or self.length % self.block:
            raise ConfigError(
                f"The file system's length of {self.length} bytes is no multiple of its block size "
                f"of {self.block}: change length or block."
            )
        if self.unit <= 0 or self.block % self.unit:
            raise ConfigError(
                f"The block size of {self.block} bytes is no multiple of the smallest write of "
                f"{self.unit}: change block or unit."
            )


@dataclass(frozen=True, kw_only=True)
class Board:
    """Everything that a board is.

    Attributes:
        name: what `--board` takes.
        title: one line about it for reports.
        machine, cpu, ram, nic: QEMU's `-M`, `-cpu` (None: the machine's own), `-m`, NIC model.
        qemu: name of QEMU's program.
        qemu_least: the oldest version that has what the board needs.
        qemu_package: how to get it, completing "install it with ...".
        toolchain: prefix of the cross tools.
        handover: how firmware and flash reach the machine.
        flash: geometry of flash and file system.
        ports: guest port by URL scheme.
        tls_files: when the device starts with all of these files, it serves HTTPS too.
        readiness: how the board's own firmware says that it is up.
        boot_arguments: defaults for the kernel command line.
        encoded_arguments: those that may hold any text: they are percent-encoded for the guest.
        seeded: whether the guest takes `seed=` (256 bits for its random generator).
        icount_shift: the guest's clock goes 2**this ns an instruction when work is counted; None:
            its firmware cannot count it.
        steady_arguments: boot arguments that leave nothing to chance when work is counted.
        options: more arguments for QEMU.
    """

    name: str
    title: str
    machine: str
    cpu: str | None
    ram: str
    nic: str
    qemu: str
    qemu_least: tuple[int, int, int]
    qemu_package: str
    toolchain: str
    handover: Handover
    flash: Flash
    ports: Mapping[str, int]
    tls_files: tuple[str, ...] = ()
    readiness: Readiness = field(default_factory=ListeningReadiness)
    boot_arguments: Mapping[str, str] = field(default_factory=dict)
    encoded_arguments: frozenset[str] = frozenset()
    seeded: bool = False
    icount_shift: int | None = None
    steady_arguments: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check what can be checked without QEMU."""
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.name):
            raise ConfigError(f"{self.name!r} cannot name a board: use letters, digits, - and _.")
        if not re.fullmatch(r"[1-9][0-9]*[kKMG]", self.ram):
            raise ConfigError(f"Board {self.name}: RAM is {self.ram!r}, write it as in 16M.")
        for scheme, port in self.ports.items():
            if not 1 <= port <= 65535:
                raise ConfigError(
                    f"Board {self.name}: port {port} of {scheme} is outside 1 to 65535."
                )
        self.boot_line(self.boot_arguments)
        if self.boot_arguments and not self.handover.takes_boot_arguments:
            raise ConfigError(
                f"Board {self.name} has boot arguments, but its machine has no kernel command line."
            )

    def boot_line(self, arguments: Mapping[str, str]) -> str:
        """Return the kernel command line for these arguments on top of the board's own.

        Raises:
            ConfigError: one of them would fall apart on the guest.
        """
        merged = {**self.boot_arguments, **arguments}
        for key, value in merged.items():
            if key in self.encoded_arguments:
                merged[key] = quote(value, safe=ENCODED_SAFE)
            check_boot_argument(key, merged[key])
        return " ".join(f"{key}={value}" for key, value in merged.items())

    def with_ports(self, ports: Mapping[str, int]) -> Board:
        """Return the same board with a firmware that listens elsewhere."""
        return replace(self, ports=dict(ports))


def check_boot_argument(key: str, value: str) -> None:
    """Check one `key=value` of the kernel command line, where spaces separate.

    Raises:
        ConfigError: it would fall apart on the guest.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", key):
        raise ConfigError(f"{key!r} cannot name a boot argument: use letters, digits and _.")
    if not re.fullmatch(r"[!-~]*", value):
        raise ConfigError(
            f"The boot argument {key} is {value!r}: it may hold printable ASCII without spaces "
            "only."
        )


LX60 = Board(
    name="lx60",
    title="Xtensa LX106 on Avnet's LX60 board, stock QEMU (no ESP32: one core, no ESP-IDF)",
    machine="lx60-nommu",
    cpu="lx106",
    ram="16M",
    nic="open_eth",
    qemu="qemu-system-xtensa",
    qemu_least=(7, 2, 0),
    qemu_package="apt-get install qemu-system-misc",
    toolchain="xtensa-lx106-elf-",
    handover=KernelAndPflash(),
    # firmware/boards/lx60/flash.h has the same numbers.
    flash=Flash(size=4 << 20, start=0, length=4 << 20, block=4096, unit=256),
    ports={"http": 80, "https": 443},
    tls_files=("/certs/servercert.pem", "/certs/prvtkey.pem"),
    # The Wi-Fi network that network.WLAN finds: the one that the users' guide names.
    boot_arguments={"wlan_ssid": "MyNetwork", "wlan_password": "SecurePassword123"},
    encoded_arguments=frozenset({"wlan_ssid", "wlan_password"}),
    seeded=True,
    # 4 ns: cycles of 25 ns count 6 instructions, and an RSA handshake takes a second, not ten.
    icount_shift=2,
    steady_arguments={"seed": "5e" * 32, "dhcp": "0"},
)

BOARDS: dict[str, Board] = {board.name: board for board in (LX60,)}
"""Every board by name."""


def board_named(name: str) -> Board:
    """Return the board of this name.

    Raises:
        ConfigError: there is none; the message lists those that there are.
    """
    try:
        return BOARDS[name]
    except KeyError:
        raise ConfigError(
            f"There is no board {name!r}: choose one of {', '.join(sorted(BOARDS))}."
        ) from None
