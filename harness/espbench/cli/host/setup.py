# SPDX-License-Identifier: MIT
"""Command line of `espbench setup`: options, question and output; the work is in `setup`."""

from __future__ import annotations

import argparse
import os
import sys

from rich.console import Console

from espbench.boards.builtin import qemu_board_named
from espbench.cli.shared import Subparsers, add_command, interrupted_status, print_json
from espbench.errors import SetupError

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `setup`."""
    it = add_command(
        subparsers,
        "setup",
        run,
        "install Espressif's QEMU and ESP-IDF with Espressif's installers, or continue to do so",
        "espbench setup --board esp32 --qemu-only",
        board="esp32",
    )
    it.add_argument(
        "--qemu-only",
        action="store_true",
        help="install only QEMU, which boots images; ESP-IDF builds espbench's own firmware",
    )
    it.add_argument("--yes", action="store_true", help="do not ask")


def run(args: argparse.Namespace) -> int:
    """Install what the board lacks of Espressif's tools."""
    from espbench.firmware.download import megabytes
    from espbench.qemu.discovery import find_qemu
    from espbench.setup import install as module
    from espbench.setup.plan import plan

    board = qemu_board_named(args.board)
    made = plan(board, os.environ, qemu_only=args.qemu_only)
    console = Console(stderr=True)
    if made.steps and not args.yes:
        need = megabytes(module.space_for(made))
        text = [f"Board {board.name} needs about {need} of disk for these steps:", *made.steps]
        console.print("\n  ".join(text), soft_wrap=True, markup=False, highlight=False)
        _ask(made.command)
    try:
        module.install(made, console)
    except KeyboardInterrupt as interruption:
        print(
            f"\nespbench: stopped: run `{made.command}` again; it continues from there.",
            file=sys.stderr,
        )
        return interrupted_status(interruption)
    qemu = find_qemu(board)
    if args.json:
        idf = None if args.qemu_only else str(made.idf)
        print_json({"board": board.name, "steps": made.steps, "qemu": qemu, "esp_idf": idf})
    else:
        done = "is set up" if made.steps else "was set up already"
        more = "" if args.qemu_only else f", and {made.idf} builds its firmware"
        print(f"Board {board.name} {done}: {qemu} boots it{more}.")
    return 0


def _ask(command: str) -> None:
    """Ask whether to go on.

    Raises:
        SetupError: the answer is no, or there is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise SetupError(
            f"Standard input is not a terminal, so nothing was installed: run `{command} --yes`."
        )
    print("Continue? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise SetupError(f"Nothing was installed: run `{command}` when you want to.")
