# SPDX-License-Identifier: MIT
"""Helpers for several commands: consoles, output files, the firmware and common options."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from espbench.boards.board import Board
from espbench.boards.builtin import ALL_BOARDS, BOARDS, LX60, board_named
from espbench.boards.emulators import EMULATOR_VARIABLE, EMULATORS, WIFI_PASSWORD_VARIABLE
from espbench.errors import ConfigError
from espbench.perf.metrics import Reading

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers = argparse.Action

__all__ = [
    "JSON_HELP",
    "WIDE",
    "Command",
    "Subparsers",
    "Terminated",
    "add_bare_command",
    "add_command",
    "board_of_command",
    "choice_options",
    "chosen_emulator",
    "device_options",
    "emulator_options",
    "firmware_of",
    "firmware_option",
    "foreign_firmware_options",
    "interrupted_status",
    "measured",
    "named_firmware",
    "out_folder",
    "output_folder",
    "print_json",
    "progress_console",
    "table_console",
    "terminal",
    "write_file",
]

WIDE = 144
"""Width of tables, in columns, when the output is not a terminal."""

Command = Callable[[argparse.Namespace], int]

JSON_HELP = "print JSON to standard output and everything else to standard error"


class Terminated(KeyboardInterrupt):
    """A signal ends the command as Ctrl-C does.

    Attributes:
        number: the signal's number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def interrupted_status(interruption: KeyboardInterrupt) -> int:
    """Return the exit status of a command that a signal ended: 128 and its number, as in a shell.

    That is 130 for Ctrl-C (SIGINT) and 143 for SIGTERM.
    """
    return 128 + int(getattr(interruption, "number", signal.SIGINT))


# Commands import the rest of espbench when they run, which keeps `espbench --help` fast.


def terminal() -> Console:
    """Return the console for output that people read."""
    return Console(soft_wrap=True) if not sys.stdout.isatty() else Console()


def table_console(args: argparse.Namespace) -> Console:
    """Return the console for tables, which are illegible when they are wrapped."""
    stream = sys.stderr if args.json else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDE)


def progress_console(args: argparse.Namespace) -> Console:
    """Return the console for progress: standard error if standard output is JSON."""
    if not args.json:
        return terminal()
    return Console(stderr=True, soft_wrap=not sys.stderr.isatty())


def print_json(data: Any) -> None:
    """Print data as JSON to standard output."""
    print(json.dumps(data, indent=1))


def named_firmware(args: argparse.Namespace) -> Path | None:
    """Return the image that --firmware names, merged if that is a build folder; None without it.

    Raises:
        EspbenchError: it is a folder of which no image can be made.
    """
    from espbench.flash.merged_image import image_of

    if args.firmware is None:
        return None
    args.firmware = image_of(Path(args.firmware))  # so that the next call does not merge again
    return Path(args.firmware)


def board_of_command(args: argparse.Namespace) -> Board:
    """Return the board that is named, or else that of the firmware's chip.

    Raises:
        ConfigError: the board is unknown, or the firmware is for a chip that is not emulated.
    """
    from espbench.check.target.image import board_of

    if args.board is not None:
        return board_named(args.board)
    firmware = named_firmware(args)
    if firmware is None or not firmware.exists():
        return LX60  # `firmware_of` says what is missing
    return board_of(firmware)


def chosen_emulator(args: argparse.Namespace, board: Board, image: str | None) -> Board:
    """Return a board in the emulator, and with the Wi-Fi network, that the options name.

    Args:
        args: has the options of `emulator_options`.
        board: the board.
        image: ESP-IDF's build folder, or the image, as it was named.

    Raises:
        ConfigError: see `espbench.emulator.options.board_in`.
    """
    from espbench.emulator.options import board_in

    return board_in(
        board,
        args.emulator,
        ssid=args.wifi_ssid,
        image=None if image is None else Path(image),
        environment=os.environ,
    )


def firmware_of(args: argparse.Namespace, board: Board) -> Path:
    """Return the firmware given with --firmware, or else espbench's own, built if necessary."""
    from espbench.firmware import build

    path = named_firmware(args)
    if path is None:
        return build.build(board, console=Console(stderr=True)).firmware
    if not path.is_file():
        raise ConfigError(f"The firmware {path} does not exist: check --firmware.")
    return path


def output_folder() -> Path:
    """Return the folder for results: the clone's build folder, or ./build outside a clone."""
    from espbench.firmware import source_tree as tree

    return (tree.clone() or Path.cwd()) / "build"


def out_folder(chosen: str | None, name: str) -> Path:
    """Return the chosen folder, or one in the output folder."""
    # Absolute, because pytest runs in another folder.
    return Path(chosen).resolve() if chosen else output_folder() / name


def device_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the `Device` options for a firmware that may be the user's own.

    Raises:
        ConfigError: the options contradict each other, or a file is missing.
    """
    from espbench.boards.firmware_options import files_in, parse_ports, parse_readiness
    from espbench.check.target.found import find_by_default

    find_by_default()  # where no option says when it is ready
    said: dict[str, Any] = {}
    ready = parse_readiness(args.ready_console or "", args.ready_http or "")
    if ready is not None:
        said["ready"] = ready
    if args.ready_timeout is not None:
        said["ready_timeout"] = args.ready_timeout
    if args.files:
        said["files"] = files_in(Path(args.files), "--files")
    if args.files_partition:
        said["files_partition"] = args.files_partition
    if args.ports:
        said["ports"] = parse_ports(args.ports, "--ports")
    if args.firmware_elf:
        said["elf"] = Path(args.firmware_elf)
        if not said["elf"].is_file():
            raise ConfigError(f"{said['elf']} does not exist: check its path.")
    return said


def measured(
    args: argparse.Namespace, board: Board, firmware: Path, said: dict[str, Any]
) -> list[Reading]:
    """Measure instructions and bytes, and show the current measurement."""
    from espbench.perf import measure as module

    effort = module.QUICK if args.quick else module.Effort()
    with progress_console(args).status("measuring") as status:
        return module.measure(
            board, firmware, effort, lambda what: status.update(f"measuring: {what}"), said
        )


def make_folder(path: Path) -> None:
    """Make a folder for results, before the minutes that they take.

    Raises:
        ConfigError: nothing can be written there.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written ({error.strerror}): choose another folder with --out."
        ) from error


def write_file(name: str | None, text: str) -> None:
    """Write a file, if its name was given."""
    if name is None:
        return
    path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written ({error.strerror}): choose another path."
        ) from error


def add_command(
    subparsers: Subparsers,
    name: str,
    action: Command,
    text: str,
    example: str,
    *,
    board: str | None = "lx60",
    by_image: bool = False,
) -> argparse.ArgumentParser:
    """Add a command with --board and --json.

    Args:
        subparsers: the subparsers to add it to.
        name: the name of the command.
        action: runs the command with the options and returns the exit status.
        text: description for the overview, in lower case.
        example: a command line for the help.
        board: default of --board; None means all boards.
        by_image: whether the chip of --firmware decides instead; see `board_of_command`.
    """
    parser = add_bare_command(subparsers, name, action, text, example)
    shown = f"default: {board}" if board else "default: all"
    if by_image:
        shown = f"default: the image's chip, or {LX60.name} without --firmware"
    names = ALL_BOARDS if by_image else BOARDS
    parser.add_argument(
        "--board",
        default=None if by_image else board,
        metavar="NAME",
        help=f"one of {', '.join(names)} ({shown})",
    )
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    return parser


def add_bare_command(
    subparsers: Subparsers, name: str, action: Command, text: str, example: str
) -> argparse.ArgumentParser:
    """Add a command without options; see `add_command`."""
    parser = subparsers.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(action=action)
    return parser


def choice_options(parser: argparse.ArgumentParser) -> None:
    """Add --jobs and -k."""
    parser.add_argument(
        "--jobs",
        default="auto",
        metavar="N",
        help="tests to run in parallel (default: one per core)",
    )
    parser.add_argument(
        "-k", dest="keywords", default="", metavar="WORDS", help="run only scenarios that match"
    )


def firmware_option(parser: argparse.ArgumentParser) -> None:
    """Add --firmware."""
    parser.add_argument(
        "--firmware", metavar="PATH", help="firmware to use (default: espbench's own, built first)"
    )


def emulator_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose an emulator, and the Wi-Fi network that it offers."""
    parser.add_argument(
        "--emulator",
        metavar="NAME",
        help=f"{' or '.join(EMULATORS)} (default: {EMULATOR_VARIABLE}, or else qemu; esp32c6: "
        "esp-emu)",
    )
    parser.add_argument(
        "--wifi-ssid",
        metavar="NAME",
        help=f"Wi-Fi network that esp-emu offers; {WIFI_PASSWORD_VARIABLE} has its password, or it "
        "is open (default: that of ESP-IDF's build, or myssid)",
    )


def foreign_firmware_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that describe a firmware other than espbench's."""
    parser.add_argument(
        "--firmware-elf",
        metavar="PATH",
        help="ELF file of the firmware (default: the one next to it)",
    )
    parser.add_argument(
        "--files",
        metavar="DIR",
        help="folder with the content of the device's file system (littlefs, SPIFFS or FAT)",
    )
    parser.add_argument(
        "--files-partition",
        metavar="LABEL",
        help="partition for --files (default: vfs, or else the only one with a file system)",
    )
    parser.add_argument(
        "--ready-console",
        metavar="REGEX",
        help="the firmware is ready when its console matches this",
    )
    parser.add_argument(
        "--ready-http", metavar="PATH", help="the firmware is ready when it answers GET PATH"
    )
    parser.add_argument(
        "--ready-timeout", metavar="SECONDS", type=float, help="time after which it has to be ready"
    )
    parser.add_argument(
        "--ports",
        metavar="SCHEME=PORT,...",
        help="ports on which the firmware listens, such as http=8080,https=8443",
    )
