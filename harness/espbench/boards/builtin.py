# SPDX-License-Identifier: MIT
"""The boards that come with espbench; a new board is another entry in `BOARDS`."""

from __future__ import annotations

from dataclasses import replace

from espbench.boards.backends import IdfBackend, MakeBackend
from espbench.boards.board import Board
from espbench.boards.boot_media import Efuse, FlashBoot, KernelBoot
from espbench.boards.esp_emu import in_esp_emu
from espbench.boards.espressif_tool import EspressifTool
from espbench.errors import ConfigError
from espbench.flash.geometry import Flash
from espbench.util.system_packages import install_command

__all__ = [
    "ALL_BOARDS",
    "BOARDS",
    "ESP32",
    "ESP32C3",
    "ESP32C6",
    "ESP32S3",
    "ESP_EMU_BOARDS",
    "LX60",
    "board_named",
    "qemu_board_named",
]

WLAN = {"wlan_ssid": "MyNetwork", "wlan_password": "SecurePassword123"}
"""The Wi-Fi network that network.WLAN finds, named as in the users' guide."""

LX60 = Board(
    name="lx60",
    title="Xtensa LX106 on Avnet's LX60 board, stock QEMU (no ESP32: one core, no ESP-IDF)",
    machine="lx60-nommu",
    cpu="lx106",
    ram="16M",
    nic="open_eth",
    qemu="qemu-system-xtensa",
    qemu_least=(7, 2, 0),
    qemu_package=install_command("qemu-system-misc"),
    toolchain="xtensa-lx106-elf-",
    gdb_package="get Espressif's toolchain for the ESP8266 (Debian does not package this gdb), and "
    "add its bin folder to PATH in that terminal",
    backend=MakeBackend(),
    handover=KernelBoot(),
    # Keep in sync with firmware/ports/lx60/chip/flash.h.
    flash=Flash(size=4 << 20, start=0, length=4 << 20, block=4096, unit=256),
    ports={"http": 80, "https": 443},
    tls_files=("/certs/servercert.pem", "/certs/prvtkey.pem"),
    boot_arguments=WLAN,
    encoded_arguments=frozenset(WLAN),
    main_thread="main",
    seeded=True,
    # 4 ns: a cycle of 25 ns has 6 instructions, and an RSA handshake takes one second, not ten.
    icount_shift=2,
    steady_arguments={"seed": "5e" * 32, "dhcp": "0"},
)

ESP_FLASH = Flash(
    # As in firmware/ports/esp32/partitions.csv; see `layout` for other firmware.
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

QEMU_XTENSA = EspressifTool("qemu-xtensa")
QEMU_RISCV32 = EspressifTool("qemu-riscv32")

ESP32 = Board(
    name="esp32",
    title="ESP32 (Xtensa LX6), Espressif's QEMU",
    machine="esp32",
    cpu=None,
    nic="open_eth",
    psram=("2M", "4M"),
    usual_psram="4M",  # as `idf.py qemu` has it (tools/idf_py_actions/qemu_ext.py)
    qemu="qemu-system-xtensa",
    qemu_least=(8, 1, 3),
    qemu_package="espbench setup --board esp32 --qemu-only",
    espressif=QEMU_XTENSA,
    toolchain="xtensa-esp32-elf-",
    gdb_tool=EspressifTool("xtensa-esp-elf-gdb"),
    backend=IdfBackend("esp32", "ESP32_BENCH"),
    handover=FlashBoot(
        # Chip revision 3.
        Efuse("nvram.esp32.efuse", size=124, burnt={13: 0x80, 22: 0x10}),
    ),
    flash=replace(ESP_FLASH, bootloader_at=0x1000),
    ports={"http": 80, "https": 443},
    tls_files=("/certs/servercert.pem", "/certs/prvtkey.pem"),
    ready_timeout=60.0,
    control_uart=1,
    kept_interrupts=0x3FF69004,  # DR_REG_EMAC_BASE + 4 (soc/reg_base.h)
    reset_line=r"rst:0x[0-9a-f]+ \(([A-Z0-9_]+)\)",
    no_boot_line=r"(invalid header: 0x[0-9a-f]+)",
    boot_arguments=WLAN,
    encoded_arguments=frozenset(WLAN),
    longest_request=8000,  # firmware/ports/esp32/board.h
    heap_noise=1024,
    preemptive=True,
    core_dumps=True,
    largest_object=24_000,
    tls_session=6_000,  # with Mbed TLS's dynamic buffers; 2.8 kB were measured
    optional=True,
    unrecordable="QEMU records one core only, and this board has two",
    idle_cpu=5.0,  # FreeRTOS's tick wakes it 100 times a second; 2 to 3.4 % were measured
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
    title="ESP32-C3 (RISC-V), Espressif's QEMU",
    machine="esp32c3",
    psram=(),
    usual_psram="",
    kept_interrupts=None,
    bad_load="Load access fault",
    unrecordable="its replay stops where the ROM jumps to the bootloader",
    qemu="qemu-system-riscv32",
    qemu_package="espbench setup --board esp32c3 --qemu-only",
    espressif=QEMU_RISCV32,
    toolchain="riscv32-esp-elf-",
    other_gdbs=("gdb-multiarch",),
    gdb_package=f"install the second one with {install_command('gdb-multiarch')}",
    backend=IdfBackend("esp32c3", "ESP32C3_BENCH"),
    handover=FlashBoot(
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

ESP32S3 = replace(
    ESP32,
    name="esp32s3",
    title="ESP32-S3 (Xtensa LX7), Espressif's QEMU",
    machine="esp32s3",
    psram=("2M", "4M", "8M", "16M", "32M"),
    usual_psram="8M",  # as in the module ESP32-S3-WROOM-1-N8R8
    octal_psram=("-global", "driver=ssi_psram,property=is_octal,value=true"),
    qemu_least=(9, 2, 2),
    qemu_package="espbench setup --board esp32s3 --qemu-only",
    toolchain="xtensa-esp32s3-elf-",
    backend=IdfBackend("esp32s3", "ESP32S3_BENCH"),
    handover=FlashBoot(
        # Chip revision 0.3, and a calibrated ADC (BLK_VERSION_MAJOR), like a real chip. Otherwise
        # firmware that links the ADC's driver calibrates it by conversions, which never end in
        # QEMU.
        Efuse("nvram.esp32s3.efuse", size=1024, burnt={38: 0x0C, 64: 0x01}),
    ),
    flash=ESP_FLASH,
    kept_interrupts=0x600CD004,  # DR_REG_EMAC_BASE + 4 (esp_eth/src/openeth/esp_openeth.h)
    options=(
        "-global",
        "driver=esp32s3.gpio,property=strap_mode,value=0x04",  # boots from flash
        # QEMU 9.2.2 takes a watchdog's stages only with WDT_CONF_UPDATE_EN, a bit that the S3 does
        # not have, so none ever triggers. They are disabled in case a later QEMU emulates them.
        "-global",
        "driver=timer.esp32s3.timg,property=wdt_disable,value=true",
    ),
    still_watchdogs=(),
)

ESP32C6 = in_esp_emu(
    replace(
        ESP32C3,
        name="esp32c6",
        machine="esp32c6",
        backend=IdfBackend("esp32c6", "ESP32C6_BENCH"),
    )
)

BOARDS: dict[str, Board] = {board.name: board for board in (LX60, ESP32, ESP32C3, ESP32S3)}
"""Every board that QEMU runs, by name."""
ESP_EMU_BOARDS: dict[str, Board] = {ESP32C6.name: ESP32C6}
"""Every board that esp-emu alone runs, by name; for images that the user brings."""
ALL_BOARDS: dict[str, Board] = {**BOARDS, **ESP_EMU_BOARDS}
"""Every board by name."""


def qemu_board_named(name: str) -> Board:
    """Return the board of this name, for commands that work with QEMU alone.

    Raises:
        ConfigError: the board is unknown, or QEMU does not run it.
    """
    board = board_named(name)
    if not board.in_qemu:
        raise ConfigError(
            f"Board {name} runs in esp-emu alone, which this command does not support: it supports "
            f"{', '.join(sorted(BOARDS))}."
        )
    return board


def board_named(name: str) -> Board:
    """Return the board of this name.

    Raises:
        ConfigError: the board is unknown; the message lists the known ones.
    """
    boards = {**BOARDS, **ESP_EMU_BOARDS}  # now: a project may have added some
    if name not in boards:
        raise ConfigError(f"Unknown board {name!r}: choose one of {', '.join(sorted(boards))}.")
    return boards[name]
