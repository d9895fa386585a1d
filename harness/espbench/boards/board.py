# SPDX-License-Identifier: MIT
"""A board as data: everything that differs between two boards is in a `Board`.

No other code asks which board it has. `builtin` has the boards that come with espbench.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from espbench.boards.backends import IdfBackend, MakeBackend
from espbench.boards.boot_media import Handover
from espbench.boards.espressif_tool import EspressifTool
from espbench.boards.readiness import ListeningReadiness, Readiness
from espbench.errors import ConfigError
from espbench.flash.geometry import Flash

__all__ = ["LONGEST_REQUEST", "Board", "check_boot_argument"]


LONGEST_REQUEST = 48 * 1024
"""Bytes of a control request that a guest has room for, unless its board says otherwise."""
ENCODED_SAFE = "!#$&'()*+,/:;=?@[]~"
"""What percent-encoding leaves alone besides letters, digits and -._: printable, no space, no %."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """Everything that a board is.

    Attributes:
        name: what `--board` takes.
        title: one line about it for reports.
        machine, cpu, ram, nic: QEMU's `-M`, `-cpu` and `-m` (None: the machine's own), NIC model.
        psram: the sizes of PSRAM that the machine can have, by `-m`; empty: none.
        qemu: name of QEMU's program.
        qemu_least: the oldest version that has what the board needs.
        qemu_package: how to get it, completing "install it with ...".
        espressif: which tool of Espressif's that QEMU is; None: stock QEMU has the machine.
        toolchain: prefix of the cross tools.
        backend: how the firmware is built.
        handover: how firmware and flash reach the machine.
        flash: geometry of flash and file system.
        ports: guest port by URL scheme.
        optional: whether all is well without it: tests leave it out when it is not there.
        tls_files: when the device starts with all of these files, it serves HTTPS too.
        readiness: how the board's own firmware says that it is up.
        ready_timeout: seconds (scaled) that this may take.
        control_uart: number of the UART that carries control records; None: among the console.
        reset_line: pattern of the line that the ROM prints at each boot, with the cause in group
            1; None: it prints none.
        no_boot_line: pattern of the line that the ROM prints when there is nothing to boot, with
            the reason in group 1; None: it prints none.
        boot_arguments: defaults for the boot arguments, however they reach the guest.
        encoded_arguments: those that may hold any text: they are percent-encoded for the guest.
        longest_request: bytes of a control request that the guest has room for.
        heap_noise: bytes by which the network's heap may change without the network, because others
            allocate from it, too.
        largest_object: bytes of the largest object that MicroPython's heap has room for beside the
            bench's own program.
        stack_reserve: bytes of each stack that the deepest work leaves, handshakes with any key and
            the check of a key at start.
        tls_session: bytes of the network's heap that an established TLS session holds at most.
        preemptive: whether functions of others, tasks and interrupts of an operating system, run at
            any moment between the program's own.
        core_dumps: whether the board's own firmware prints a core dump when it panics.
        bad_load: what a panic calls a load from an address where nothing is.
        main_thread: what a panic calls the thread that MicroPython runs in.
        seeded: whether the guest takes `seed=` (256 bits for its random generator).
        icount_shift: the guest's clock goes 2**this ns an instruction when work is counted; None:
            its firmware cannot count it.
        unrecordable: completing "because", why record and replay does not hold; "": it does.
        steady_arguments: boot arguments that leave nothing to chance when work is counted.
        idle_cpu: per cent of a host's core that QEMU may take while the device idles.
        spares: how many devices boot ahead of the tests, unless somebody says otherwise.
        options: more arguments for QEMU.
        still_watchdogs: arguments for QEMU that keep the chip's watchdogs from ever biting, for all
            devices that do not ask for them; empty: it has none.
    """

    name: str
    title: str
    machine: str
    cpu: str | None
    ram: str | None = None
    nic: str
    psram: tuple[str, ...] = ()
    qemu: str
    qemu_least: tuple[int, int, int]
    qemu_package: str
    espressif: EspressifTool | None = None
    toolchain: str
    backend: MakeBackend | IdfBackend
    handover: Handover
    flash: Flash
    ports: Mapping[str, int]
    tls_files: tuple[str, ...] = ()
    readiness: Readiness = field(default_factory=ListeningReadiness)
    ready_timeout: float = 20.0
    control_uart: int | None = None
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

    def __post_init__(self) -> None:
        """Check what can be checked without QEMU."""
        if not re.fullmatch(r"[A-Za-z0-9_-]+", self.name):
            raise ConfigError(f"{self.name!r} cannot name a board: use letters, digits, - and _.")
        if self.ram is not None and not re.fullmatch(r"[1-9][0-9]*[kKMG]", self.ram):
            raise ConfigError(f"Board {self.name}: RAM is {self.ram!r}, write it as in 16M.")
        for scheme, port in self.ports.items():
            if not 1 <= port <= 65535:
                raise ConfigError(
                    f"Board {self.name}: port {port} of {scheme} is outside 1 to 65535."
                )
        self.boot_line(self.boot_arguments)
        if self.boot_arguments and not self.takes_boot_arguments:
            raise ConfigError(
                f"Board {self.name} has boot arguments, but its guest has neither a kernel command "
                "line nor a place in flash for them."
            )

    @property
    def takes_boot_arguments(self) -> bool:
        """Whether the guest can read boot arguments: from a command line, or out of its flash."""
        return self.handover.takes_boot_arguments or self.flash.arguments_at is not None

    def boot_line(self, arguments: Mapping[str, str]) -> str:
        """Return the boot arguments as one line: these on top of the board's own.

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

    def with_psram(self, size: str) -> Board:
        """Return the same board with so much PSRAM, such as "4M".

        Raises:
            ConfigError: its machine cannot have that.
        """
        if not self.psram:
            raise ConfigError(f"Board {self.name} has no PSRAM: leave psram away.")
        if size not in self.psram:
            raise ConfigError(
                f"Board {self.name} takes PSRAM of {' or '.join(self.psram)}, not {size}: choose "
                "one of these."
            )
        return replace(self, ram=size)

    def with_watchdogs(self) -> Board:
        """Return the same board with watchdogs that bite.

        Raises:
            ConfigError: it has none.
        """
        if not self.still_watchdogs:
            raise ConfigError(f"Board {self.name} has no watchdogs: leave watchdogs away.")
        return replace(self, still_watchdogs=())


def check_boot_argument(key: str, value: str) -> None:
    """Check one `key=value` of the boot arguments, where spaces separate.

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
