"""The boards, as data: everything that differs between them is in a `Board`.

Nothing else in espbench asks which board it has. A new board is one more entry in `BOARDS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote

from espbench.boards.backends import IdfWay, MakeWay, Way
from espbench.boards.boot_media import Efuse, FlashImage, Handover, KernelAndPflash
from espbench.device.control import LONGEST_REQUEST
from espbench.device.readiness import ListeningReadiness, Readiness
from espbench.errors import ConfigError
from espbench.firmware.checks import apt
from espbench.flash.geometry import Flash
from espbench.qemu.discovery import EspressifTool

__all__ = ["BOARDS", "Board", "Flash", "FlashImage", "Handover", "KernelAndPflash", "board_named"]


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
        way: how the firmware is built.
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
    way: Way
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


WLAN = {"wlan_ssid": "MyNetwork", "wlan_password": "SecurePassword123"}
"""The Wi-Fi network that network.WLAN finds: the one that the users' guide names."""

LX60 = Board(
    name="lx60",
    title="Xtensa LX106 on Avnet's LX60 board, stock QEMU (no ESP32: one core, no ESP-IDF)",
    machine="lx60-nommu",
    cpu="lx106",
    ram="16M",
    nic="open_eth",
    qemu="qemu-system-xtensa",
    qemu_least=(7, 2, 0),
    qemu_package=apt("qemu-system-misc"),
    toolchain="xtensa-lx106-elf-",
    way=MakeWay(),
    handover=KernelAndPflash(),
    # firmware/boards/lx60/flash.h has the same numbers.
    flash=Flash(size=4 << 20, start=0, length=4 << 20, block=4096, unit=256),
    ports={"http": 80, "https": 443},
    tls_files=("/certs/servercert.pem", "/certs/prvtkey.pem"),
    boot_arguments=WLAN,
    encoded_arguments=frozenset(WLAN),
    main_thread="main",
    seeded=True,
    # 4 ns: cycles of 25 ns count 6 instructions, and an RSA handshake takes a second, not ten.
    icount_shift=2,
    steady_arguments={"seed": "5e" * 32, "dhcp": "0"},
)

ESP_FLASH = Flash(
    # As firmware/boards/esp32/partitions.csv divides it; see `layout` for other firmware.
    size=4 << 20,
    start=0x200000,
    length=0x200000,
    block=4096,
    unit=32,  # MicroPython's esp32 port formats with read and program sizes of 32
    firmware_at=0,
    arguments_at=0xF000,
    arguments_length=0x1000,
    sizes=(2 << 20, 4 << 20, 8 << 20, 16 << 20),
)

# What ESP-IDF v5.5.5 installs.
QEMU_RELEASE = "esp_develop_9.2.2_20260417"
QEMU_XTENSA = EspressifTool(
    "qemu-xtensa",
    QEMU_RELEASE,
    "0eecb2a34a5586c0e59110f77b9343b7b336e82fdb0e1a30e1dc1bab8a547e35",
)
QEMU_RISCV32 = EspressifTool(
    "qemu-riscv32",
    QEMU_RELEASE,
    "547f03e04701a92cbb699f7f7d015adc1f5b5ef93cbb94c0dd9b7107e2d84e77",
)

ESP32 = Board(
    name="esp32",
    title="ESP32 (Xtensa LX6, one core in use), Espressif's QEMU, ESP-IDF and MicroPython",
    machine="esp32",
    cpu=None,
    nic="open_eth",
    psram=("2M", "4M"),
    qemu="qemu-system-xtensa",
    qemu_least=(8, 1, 3),
    qemu_package=QEMU_XTENSA.install,
    espressif=QEMU_XTENSA,
    toolchain="xtensa-esp32-elf-",
    way=IdfWay("esp32", "ESP32_BENCH"),
    handover=FlashImage(
        # Chip revision 3.
        Efuse("nvram.esp32.efuse", size=124, burnt={13: 0x80, 22: 0x10}),
    ),
    flash=replace(ESP_FLASH, bootloader_at=0x1000),
    ports={"http": 80, "https": 443},
    tls_files=("/certs/servercert.pem", "/certs/prvtkey.pem"),
    ready_timeout=60.0,
    control_uart=1,
    reset_line=r"rst:0x[0-9a-f]+ \(([A-Z0-9_]+)\)",
    no_boot_line=r"(invalid header: 0x[0-9a-f]+)",
    boot_arguments=WLAN,
    encoded_arguments=frozenset(WLAN),
    longest_request=8000,  # firmware/boards/esp32/board.h
    heap_noise=1024,
    preemptive=True,
    core_dumps=True,
    largest_object=24_000,
    tls_session=6_000,  # Mbed TLS's dynamic buffers: 2.8 kB were measured
    optional=True,
    unrecordable="QEMU records one core only, and this board has two",
    idle_cpu=5.0,  # FreeRTOS's tick wakes it 100 times a second: 2 to 3.4 % were measured
    spares=1,
    options=(
        "-global",
        "driver=esp32.gpio,property=strap_mode,value=0x12",  # boots from flash
    ),
    still_watchdogs=("-global", "driver=timer.esp32.timg,property=wdt_disable,value=true"),
)

ESP32C3 = replace(
    ESP32,
    name="esp32c3",
    title="ESP32-C3 (one RISC-V core), Espressif's QEMU, ESP-IDF and MicroPython",
    machine="esp32c3",
    psram=(),
    bad_load="Load access fault",
    unrecordable="its replay stops where the ROM jumps to the bootloader",
    qemu="qemu-system-riscv32",
    qemu_package=QEMU_RISCV32.install,
    espressif=QEMU_RISCV32,
    toolchain="riscv32-esp-elf-",
    way=IdfWay("esp32c3", "ESP32C3_BENCH"),
    handover=FlashImage(
        # Chip revision 0.3.
        Efuse("nvram.esp32c3.efuse", size=1024, burnt={38: 0x0C}),
    ),
    flash=ESP_FLASH,
    spares=0,  # it boots in 0.3 s
    options=(
        "-global",
        "driver=esp32c3.gpio,property=strap_mode,value=0x08",  # boots from flash
    ),
    still_watchdogs=("-global", "driver=timer.esp32c3.timg,property=wdt_disable,value=true"),
)

BOARDS: dict[str, Board] = {board.name: board for board in (LX60, ESP32, ESP32C3)}
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
