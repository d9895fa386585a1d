# SPDX-License-Identifier: MIT
"""`Board`: everything that differs between two boards, as data.

No other code depends on which board it has. `builtin` has the boards that come with espbench.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from espbench.boards.backends import IdfBackend, MakeBackend
from espbench.boards.boot_media import BootMedia
from espbench.boards.emulators import ESP_EMU, QEMU, Wifi
from espbench.boards.espressif_tool import EspressifTool
from espbench.boards.readiness import ListeningReadiness, Readiness
from espbench.errors import ConfigError
from espbench.flash.geometry import Flash
from espbench.util.listing import listing

__all__ = ["LONGEST_REQUEST", "Board", "check_boot_argument"]


LONGEST_REQUEST = 48 * 1024
"""Default limit of a control request in bytes."""
ENCODED_SAFE = "!#$&'()*+,/:;=?@[]~"
"""Characters besides letters, digits and -._ that are not percent-encoded; no space and no %."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """All properties of a board.

    Attributes:
        name: name for `--board`.
        title: one-line description for reports.
        machine, cpu, ram, nic: QEMU's `-M`, `-cpu`, `-m` (None: the machine's default) and NIC
            model.
        psram: possible sizes of PSRAM, for `-m`; empty: the machine has no PSRAM.
        usual_psram: the size for a firmware that drives PSRAM; "": none.
        octal_psram: arguments for QEMU that make it octal; empty: it is always quad.
        qemu: name of the QEMU executable.
        qemu_least: oldest version of QEMU that supports the board.
        qemu_package: how to install QEMU, completing "install it with ...".
        espressif: Espressif's build of QEMU that the board needs; None: stock QEMU.
        toolchain: prefix of the cross tools.
        other_gdbs: further debuggers for the CPU, besides `gdb` of the toolchain.
        gdb_package: how to get a debugger, completing "... is not on PATH: "; "": by `gdb_tool`.
        gdb_tool: the debugger among ESP-IDF's tools; None: it has none.
        backend: how the firmware is built.
        handover: how firmware and flash are passed to the machine.
        flash: geometry of flash and file system.
        ports: guest port by URL scheme.
        optional: whether tests skip the board when it is not installed.
        tls_files: when the device starts with all of these files, it also serves HTTPS.
        readiness: how to detect that the board's own firmware is ready.
        ready_timeout: seconds (scaled) until the firmware has to be ready.
        kept_interrupts: address of the MAC's register INT_SOURCE, if QEMU keeps the level of its
            interrupt line over a reset.
        control_uart: number of the UART for control records; None: the console carries them.
        reset_line: pattern of the line that the ROM prints at each boot, with the cause in group
            1; None: the ROM prints no such line.
        no_boot_line: pattern of the line that the ROM prints when there is nothing to boot, with
            the reason in group 1; None: the ROM prints no such line.
        boot_arguments: defaults of the boot arguments, however they are passed to the guest.
        encoded_arguments: boot arguments that may hold any text: they are percent-encoded.
        longest_request: limit of a control request in bytes.
        heap_noise: bytes by which the network heap may change without network traffic, because
            other code also allocates from it.
        largest_object: size in bytes of the largest object that fits into MicroPython's heap
            beside the bench's own program.
        stack_reserve: bytes that stay free on each stack during the deepest work: handshakes with
            any key, and the check of a key at start.
        tls_session: maximum bytes of the network heap that an established TLS session holds.
        preemptive: whether an operating system's tasks and interrupts can run between any two
            functions of the program.
        core_dumps: whether the board's own firmware prints a core dump when it panics.
        bad_load: cause that a panic reports for a load from an unmapped address.
        main_thread: name that a panic reports for the thread that runs MicroPython.
        seeded: whether the guest takes `seed=` (256 bits for its random number generator).
        icount_shift: an instruction takes 2**icount_shift ns of guest time when work is counted;
            None: the firmware cannot count work.
        unrecordable: why record and replay does not work, completing "because"; "": it works.
        steady_arguments: boot arguments that remove randomness when work is counted.
        idle_cpu: maximum per cent of a host core that QEMU uses while the device is idle.
        spares: default number of devices that boot ahead of the tests.
        options: further arguments for QEMU.
        still_watchdogs: arguments for QEMU that disable the chip's watchdogs, for devices that do
            not enable them; empty: the board has no watchdogs.
        emulator: which emulator runs the board: `QEMU` or `ESP_EMU`. `qemu`, `qemu_least` and
            `qemu_package` are then that emulator's.
        also_forwarded: guest ports that are forwarded besides `ports`, because the emulator cannot
            forward more ports once it runs.
        own_firmware: whether espbench has firmware of its own for the board.
        wifi: the Wi-Fi network that the emulator offers; None: the emulator's default, or none.
    """

    name: str
    title: str
    machine: str
    cpu: str | None
    ram: str | None = None
    nic: str
    psram: tuple[str, ...] = ()
    usual_psram: str = ""
    octal_psram: tuple[str, ...] = ()
    qemu: str
    qemu_least: tuple[int, int, int]
    qemu_package: str
    espressif: EspressifTool | None = None
    toolchain: str
    other_gdbs: tuple[str, ...] = ()
    gdb_package: str = ""
    gdb_tool: EspressifTool | None = None
    backend: MakeBackend | IdfBackend
    handover: BootMedia
    flash: Flash
    ports: Mapping[str, int]
    tls_files: tuple[str, ...] = ()
    readiness: Readiness = field(default_factory=ListeningReadiness)
    ready_timeout: float = 20.0
    control_uart: int | None = None
    kept_interrupts: int | None = None
    reset_line: str | None = None
    no_boot_line: str | None = None
    boot_arguments: Mapping[str, str] = field(default_factory=dict)
    encoded_arguments: frozenset[str] = frozenset()
    preemptive: bool = False
    core_dumps: bool = False
    bad_load: str = "LoadProhibited"
    main_thread: str = "mp_task"
    seeded: bool = False
    longest_request: int = LONGEST_REQUEST
    heap_noise: int = 0
    largest_object: int = 60_000
    stack_reserve: int = 2048
    tls_session: int = 25_000
    optional: bool = False
    icount_shift: int | None = None
    unrecordable: str = ""
    steady_arguments: Mapping[str, str] = field(default_factory=dict)
    idle_cpu: float = 2.0
    spares: int = 0
    options: tuple[str, ...] = ()
    still_watchdogs: tuple[str, ...] = ()
    emulator: str = QEMU
    also_forwarded: tuple[int, ...] = ()
    own_firmware: bool = True
    wifi: Wifi | None = None

    def __post_init__(self) -> None:
        """Check the values as far as possible without QEMU."""
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.name):
            raise ConfigError(f"{self.name!r} cannot name a board: use letters, digits, - and _.")
        if self.ram is not None and not re.fullmatch(r"[1-9][0-9]*[kKMG]", self.ram):
            raise ConfigError(
                f"Board {self.name}: invalid RAM size {self.ram!r}: write it like 16M."
            )
        for scheme, port in self.ports.items():
            if not 1 <= port <= 65535:
                raise ConfigError(
                    f"Board {self.name}: port {port} of {scheme} is not between 1 and 65535."
                )
        self.boot_line(self.boot_arguments)
        if self.boot_arguments and not self.takes_boot_arguments:
            raise ConfigError(
                f"Board {self.name} has boot arguments, but its guest has neither a kernel command "
                "line nor a place in flash for them."
            )

    @property
    def takes_boot_arguments(self) -> bool:
        """Whether the guest can read boot arguments, from a command line or from its flash."""
        return self.handover.takes_boot_arguments or self.flash.arguments_at is not None

    def boot_line(self, arguments: Mapping[str, str]) -> str:
        """Return the board's boot arguments, overridden and extended by these, as one line.

        Raises:
            ConfigError: see `check_boot_argument`.
        """
        merged = {**self.boot_arguments, **arguments}
        for key, value in merged.items():
            if key in self.encoded_arguments:
                merged[key] = quote(value, safe=ENCODED_SAFE)
            check_boot_argument(key, merged[key])
        return " ".join(f"{key}={value}" for key, value in merged.items())

    @property
    def in_qemu(self) -> bool:
        """Whether QEMU runs the board, which alone has a monitor."""
        return self.emulator == QEMU

    def with_ports(self, ports: Mapping[str, int]) -> Board:
        """Return the same board with a firmware that listens on other ports."""
        return replace(self, ports=dict(ports))

    def with_psram(self, size: str, *, octal: bool = False) -> Board:
        """Return the same board with this much PSRAM, such as "4M".

        Args:
            size: one of `psram`.
            octal: whether it has eight data lines, if the machine knows such PSRAM.

        Raises:
            ConfigError: the machine does not support that size.
        """
        if not self.psram:
            raise ConfigError(f"Board {self.name} has no PSRAM: omit psram.")
        if size not in self.psram:
            raise ConfigError(
                f"Board {self.name} does not support {size} of PSRAM: choose "
                f"{listing(self.psram, 'or')}."
            )
        return replace(self, ram=size, options=self.options + self.octal_psram * octal)

    def with_watchdogs(self) -> Board:
        """Return the same board with its watchdogs enabled.

        Raises:
            ConfigError: the board has no watchdogs.
        """
        if self.emulator == ESP_EMU:  # which has no option that disables them
            return self
        if not self.still_watchdogs:
            raise ConfigError(f"Board {self.name} has no watchdogs: omit watchdogs.")
        return replace(self, still_watchdogs=())


def check_boot_argument(key: str, value: str) -> None:
    """Check one `key=value` of the boot arguments, which are separated by spaces.

    Raises:
        ConfigError: the guest could not parse it.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", key):
        raise ConfigError(f"{key!r} cannot name a boot argument: use letters, digits and _.")
    if not re.fullmatch(r"[!-~]*", value):
        raise ConfigError(
            f"The boot argument {key} is {value!r}: use only printable ASCII without spaces."
        )
