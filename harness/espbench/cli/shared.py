# SPDX-License-Identifier: MIT
"""What commands share: consoles to print to, the firmware, options that several commands have."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from espbench.boards.board import Board
from espbench.boards.builtin import BOARDS
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
    "add_bare_command",
    "add_command",
    "choice_options",
    "device_options",
    "firmware_of",
    "firmware_option",
    "foreign_firmware_options",
    "measured",
    "out_folder",
    "output_folder",
    "print_json",
    "progress_console",
    "table_console",
    "terminal",
    "write_file",
]

WIDE = 144
"""Columns of a table in a log."""

Command = Callable[[argparse.Namespace], int]

JSON_HELP = "print JSON to standard output, and all the rest to standard error"

# What a command needs beyond this is imported inside it: `espbench --help` should be quick.


def terminal() -> Console:
    """Return where a command prints for people."""
    return Console(soft_wrap=True) if not sys.stdout.isatty() else Console()


def table_console(args: argparse.Namespace) -> Console:
    """Return where tables go that would be a puzzle if they were folded."""
    stream = sys.stderr if args.json else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else WIDE)


def progress_console(args: argparse.Namespace) -> Console:
    """Return where progress goes: standard error when standard output is for programs."""
    if not args.json:
        return terminal()
    return Console(stderr=True, soft_wrap=not sys.stderr.isatty())


def print_json(data: Any) -> None:
    """Print for programs."""
    print(json.dumps(data, indent=1))


def firmware_of(args: argparse.Namespace, board: Board) -> Path:
    """Return the firmware that was named, or espbench's own, built when need be."""
    from espbench.firmware import build

    if args.firmware is None:
        return build.build(board, console=Console(stderr=True)).firmware
    path = Path(args.firmware)
    if not path.is_file():
        raise ConfigError(f"There is no firmware {path}: check --firmware.")
    return path


def output_folder() -> Path:
    """Return where results go: the tree's build folder, or ./build outside of a clone."""
    from espbench.firmware import source_tree as tree

    return (tree.clone() or Path.cwd()) / "build"


def out_folder(chosen: str | None, name: str) -> Path:
    """Return the folder that was chosen, or one in the output folder."""
    # pytest runs in another folder.
    return Path(chosen).absolute() if chosen else output_folder() / name


def device_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a device whose firmware may be somebody else's.

    Raises:
        ConfigError: they contradict each other, or a file is missing.
    """
    from espbench.boards.firmware_options import chosen_readiness, parse_ports

    said: dict[str, Any] = {}
    ready = chosen_readiness(args.ready_console or "", args.ready_http or "")
    if ready is not None:
        said["ready"] = ready
    if args.ready_timeout is not None:
        said["ready_timeout"] = args.ready_timeout
    if args.ports:
        said["ports"] = parse_ports(args.ports, "--ports")
    if args.firmware_elf:
        said["elf"] = Path(args.firmware_elf)
        if not said["elf"].is_file():
            raise ConfigError(f"There is no file {said['elf']}: check --firmware-elf.")
    return said


def measured(
    args: argparse.Namespace, board: Board, firmware: Path, said: dict[str, Any]
) -> list[Reading]:
    """Measure instructions and bytes, showing which is on."""
    from espbench.perf import measure as module

    effort = module.QUICK if args.quick else module.Effort()
    with progress_console(args).status("measuring") as status:
        return module.measure(
            board, firmware, effort, lambda what: status.update(f"measuring: {what}"), said
        )


def write_file(name: str | None, text: str) -> None:
    """Write a file that was asked for."""
    if name is None:
        return
    path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written ({error.strerror}): choose another place."
        ) from error


def add_command(
    subparsers: Subparsers,
    name: str,
    action: Command,
    text: str,
    example: str,
    *,
    board: str | None = "lx60",
) -> argparse.ArgumentParser:
    """Add a command with --board and --json.

    Args:
        subparsers: where to add it.
        name: what it is called.
        action: what it does with the options; returns the exit status.
        text: what it does, in lower case, for the overview.
        example: a command line.
        board: default of --board; None: all boards.
    """
    parser = add_bare_command(subparsers, name, action, text, example)
    shown = f"default: {board}" if board else "default: all"
    parser.add_argument(
        "--board", default=board, metavar="NAME", help=f"one of {', '.join(BOARDS)} ({shown})"
    )
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    return parser


def add_bare_command(
    subparsers: Subparsers, name: str, action: Command, text: str, example: str
) -> argparse.ArgumentParser:
    """Add a command without options of its own; see `add_command`."""
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
    """Add the options that choose scenarios."""
    parser.add_argument(
        "--jobs", default="auto", metavar="N", help="tests at a time (default: one a core)"
    )
    parser.add_argument(
        "-k", dest="keywords", default="", metavar="WORDS", help="only scenarios that match"
    )


def firmware_option(parser: argparse.ArgumentParser) -> None:
    """Add --firmware."""
    parser.add_argument(
        "--firmware", metavar="PATH", help="firmware to use (default: espbench's own, built first)"
    )


def foreign_firmware_options(parser: argparse.ArgumentParser) -> None:
    """Add what must be said of a firmware that is not espbench's."""
    parser.add_argument(
        "--firmware-elf",
        metavar="PATH",
        help="the same as ELF (default: the .elf beside it)",
    )
    parser.add_argument(
        "--ready-console", metavar="REGEX", help="it is ready when its console shows this"
    )
    parser.add_argument("--ready-http", metavar="PATH", help="it is ready when it answers GET PATH")
    parser.add_argument(
        "--ready-timeout", metavar="SECONDS", type=float, help="how long that may take"
    )
    parser.add_argument(
        "--ports", metavar="SCHEME=PORT,...", help="where it listens, as in http=8080,https=8443"
    )
