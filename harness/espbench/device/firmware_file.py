# SPDX-License-Identifier: MIT
"""Checks the file that a device boots, and finds its symbols."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path

from espbench.boards.board import Board
from espbench.errors import ConfigError, NotInspectable, WrongElf
from espbench.flash import kernel_elf
from espbench.flash.app_image import CHIPS, MAGIC, chip_of, is_application
from espbench.flash.partition_table import TABLE_AT
from espbench.flash.psram import OCTAL, psram_of
from espbench.flash.truncation import Shortfall, shortfall
from espbench.inspect.elf.match import beside, check_match

__all__ = [
    "check_elf",
    "check_firmware",
    "elf_of",
    "ignored_elf",
    "state_of",
    "symbols_of",
    "with_psram",
]

BEGINNING = 0x1020
"""Bytes of a flash image up to the header of the ESP32's bootloader, and more."""
ELF_MAGIC = b"\x7fELF"
TABLE_MAGIC = b"\xaa\x50"
"""First bytes of each entry of a partition table."""


def check_firmware(board: Board, firmware: Path) -> None:
    """Check that the firmware exists, that it is whole, and that the board can run it.

    Raises:
        ConfigError: it does not exist or is truncated, or the board cannot run it.
    """
    if not firmware.is_file():
        what = "is not a file" if firmware.exists() else "does not exist"
        raise ConfigError(
            f"The firmware {firmware} {what}: name one with --firmware (pytest: "
            "--espbench-firmware, Device: firmware), or omit that option to build espbench's own."
        )
    with firmware.open("rb") as file:
        blob = file.read(BEGINNING)
    if kernel_elf.is_esp_idf(firmware):
        raise ConfigError(
            f"{firmware} is the ELF of an ESP-IDF application, which is only for its symbols: name "
            "the build folder, or the merged image beside it."
        )
    if is_application(blob):
        raise ConfigError(
            f"{firmware} is an application without bootloader and partition table: name ESP-IDF's "
            "build folder, or a merged image, which `idf.py merge-bin` or `esptool merge-bin` "
            "makes of all three."
        )
    chip = chip_of(blob)
    if board.flash.firmware_at is not None and chip in CHIPS.values() and chip != board.machine:
        raise ConfigError(
            f"{firmware} is for the chip {chip}, and board {board.name} has another one: name the "
            f"chip's board, --board {chip} (pytest: --espbench-board, Device: board)."
        )
    if board.flash.firmware_at is not None and not chip and not _may_be_flash(firmware):
        raise ConfigError(
            f"{firmware} is not a firmware image: name ESP-IDF's build folder, or a merged image, "
            "which `idf.py merge-bin` or `esptool merge-bin` makes of bootloader, partition table "
            "and application."
        )
    if flaw := board.handover.flaw(firmware):
        if _is_flash_image(firmware):
            raise ConfigError(
                f"{firmware} is a flash image for an ESP32 chip, which board {board.name} cannot "
                "run: name the chip's board, such as --board esp32 (pytest: --espbench-board, "
                "Device: board)."
            )
        raise ConfigError(
            f"Board {board.name} cannot run the firmware {firmware}: {flaw}. Copy or build it "
            f"again (`espbench build --board {board.name}` builds espbench's own)."
        )
    if board.flash.firmware_at is None:
        return
    if cut := _shortfall(board.flash.bootloader_at, *state_of(firmware)):
        raise ConfigError(
            f"{firmware} is truncated: {cut}. Copy it again, or make it again with "
            "`idf.py merge-bin` or `esptool merge-bin`."
        )


def _is_flash_image(firmware: Path) -> bool:
    """Return whether a file has an ESP-IDF partition table or bootloader."""
    with firmware.open("rb") as file:
        blob = file.read(TABLE_AT + 2)
    return blob[TABLE_AT:] == TABLE_MAGIC or blob[:1] == bytes((MAGIC,))


def _may_be_flash(firmware: Path) -> bool:
    """Return whether a file may be the content of a flash, perhaps an encrypted one."""
    size = firmware.stat().st_size
    return _is_flash_image(firmware) or (size >= 1 << 20 and size.bit_count() == 1)


def with_psram(board: Board, firmware: Path, size: str | None = None) -> Board:
    """Return the board with PSRAM of this size, or of the usual size if the firmware drives PSRAM.

    Raises:
        ConfigError: the machine does not support that size.
    """
    kind = _psram_of(*state_of(firmware)) if board.psram else ""
    if size is None and not kind:
        return board
    return board.with_psram(board.usual_psram if size is None else size, octal=kind == OCTAL)


# A session makes many devices of one firmware, whose image has megabytes.
@functools.lru_cache(maxsize=8)
def _shortfall(bootloader_at: int, firmware: Path, *_state: int) -> Shortfall | None:
    return shortfall(firmware.read_bytes(), bootloader_at)


@functools.lru_cache(maxsize=8)
def _psram_of(firmware: Path, *_state: int) -> str:
    return psram_of(firmware.read_bytes())


def symbols_of(firmware: Path, named: Path | str | None) -> Path:
    """Return the file with a firmware's debugging information; warn of one that is ignored.

    Args:
        firmware: what boots.
        named: the ELF file that the caller of the caller named; None to look beside the firmware.

    Raises:
        ConfigError: see `check_elf`.
    """
    if named is not None:
        check_elf(Path(named), firmware)
        return Path(named)
    if why := ignored_elf(firmware):
        warnings.warn(why, stacklevel=3)
    return elf_of(firmware)


def elf_of(firmware: Path) -> Path:
    """Return the file with a firmware's debugging information.

    That is the `.elf` file of the same name beside it, unless it comes from a different build, else
    the one beside it that it was made of, else itself.
    """
    return _beside(firmware)[0] or firmware


def ignored_elf(firmware: Path) -> str:
    """Return why the ELF file with a firmware's name beside it is ignored; "" if it is not."""
    return _beside(firmware)[1]


def check_elf(elf: Path, firmware: Path) -> None:
    """Check that an ELF file that was named belongs to a firmware.

    Raises:
        ConfigError: it does not exist.
        WrongElf: it belongs to another build, or is not an ELF file.
    """
    if not elf.is_file():
        raise ConfigError(f"The ELF file {elf} does not exist: check its path.")
    with elf.open("rb") as file:
        if file.read(len(ELF_MAGIC)) != ELF_MAGIC:
            raise WrongElf(
                f"{elf} is not an ELF file: name the one that the build wrote with --firmware-elf "
                "(pytest: --espbench-firmware-elf, Device: elf)."
            )
    if why := _mismatch(elf, firmware, state_of(elf), state_of(firmware)):
        raise WrongElf(why)


def _beside(firmware: Path) -> tuple[Path | None, str]:
    if not firmware.is_file():
        return None, ""
    near = tuple(state_of(each) for each in sorted(firmware.parent.glob("*.elf")) if each.is_file())
    return _found_beside(firmware, state_of(firmware), near)


# A session makes many devices of one firmware, whose image has megabytes, and its ELF file more.
@functools.lru_cache(maxsize=8)
def _found_beside(firmware: Path, *_states: object) -> tuple[Path | None, str]:
    return beside(firmware)


@functools.lru_cache(maxsize=8)
def _mismatch(elf: Path, firmware: Path, *_states: object) -> str:
    try:
        check_match(elf, firmware)
    except NotInspectable as error:
        return str(error)
    return ""


def state_of(path: Path) -> tuple[Path, int, int, int]:
    """Return values that change when a file is replaced or written to.

    Raises:
        OSError: it is gone.
    """
    found = path.stat()
    return path.absolute(), found.st_ino, found.st_size, found.st_mtime_ns
