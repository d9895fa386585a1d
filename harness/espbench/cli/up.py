# SPDX-License-Identifier: MIT
"""Command line of `espbench up`: options and output; the work is in `interactive.up`."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from espbench.cli.shared import (
    Subparsers,
    add_command,
    board_of_command,
    chosen_emulator,
    emulator_options,
    firmware_of,
    firmware_option,
    foreign_firmware_options,
    terminal,
)
from espbench.errors import ConfigError

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `up`."""
    it = add_command(
        subparsers,
        "up",
        run,
        "boot a device and keep it running, with its console on this terminal",
        "espbench up --http-port 8080 --https-port 8443 --files ./my-app",
        by_image=True,
    )
    it.add_argument("image", nargs="?", metavar="IMAGE", help="the same as --firmware IMAGE")
    firmware_option(it)
    foreign_firmware_options(it)
    emulator_options(it)
    for scheme in ("http", "https"):
        it.add_argument(
            f"--{scheme}-port",
            type=int,
            metavar="PORT",
            help=f"host port for {scheme} and {scheme.replace('http', 'ws')} (default: a free one)",
        )
    it.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address these ports listen on; 0.0.0.0 accepts connections from other machines, and "
        "is needed for a container's published ports (default: 127.0.0.1)",
    )
    it.add_argument(
        "--internet",
        action="store_true",
        help="let the device open connections to the Internet and to this host (10.0.2.2)",
    )
    it.add_argument("--cert", metavar="FILE", help="certificate chain (PEM) for https")
    it.add_argument("--key", metavar="FILE", help="its key (PEM)")
    it.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="boot argument, such as heap=65536",
    )
    it.add_argument(
        "--gdb", action="store_true", help="print a gdb command that debugs the firmware"
    )
    it.add_argument(
        "--gdb-wait",
        action="store_true",
        help="the same, and wait for gdb before the firmware's first instruction",
    )
    it.add_argument(
        "--gdb-port", type=int, metavar="PORT", help="port for gdb (default: a free one)"
    )


def run(args: argparse.Namespace) -> int:
    """Boot a device and keep its console open."""
    from espbench.boards.firmware_options import parse_ports, parse_readiness
    from espbench.interactive import up as module
    from espbench.interactive.webrepl_password import chosen_password

    if args.image is not None:
        if args.firmware is not None:
            raise ConfigError("The firmware is given twice: omit IMAGE or --firmware.")
        args.firmware = args.image
    image = args.firmware
    board = chosen_emulator(args, board_of_command(args), image)
    fixed = {"http": args.http_port, "https": args.https_port}
    options = module.UpOptions(
        board=board,
        firmware=Path(),
        fixed={scheme: port for scheme, port in fixed.items() if port is not None},
        host=args.host,
        files=Path(args.files) if args.files else None,
        files_partition=args.files_partition or "",
        cert=Path(args.cert) if args.cert else None,
        key=Path(args.key) if args.key else None,
        args=_boot_arguments(args.arg),
        internet=args.internet,
        password=chosen_password(os.environ),
        elf=Path(args.firmware_elf) if args.firmware_elf else None,
        ports=parse_ports(args.ports, "--ports") if args.ports else None,
        ready=parse_readiness(args.ready_console or "", args.ready_http or ""),
        ready_timeout=args.ready_timeout,
        gdb=args.gdb or args.gdb_wait or args.gdb_port is not None,
        gdb_waits=args.gdb_wait,
        gdb_port=args.gdb_port,
    )
    module.check_address(options)
    for port in options.fixed.values():
        module.check_free(port, options.host)  # fails before a build that takes a minute
    if options.gdb_port is not None:
        module.check_free(options.gdb_port)
    module.access(options)
    options = dataclasses.replace(options, firmware=firmware_of(args, board))
    return module.up(options, terminal(), as_json=args.json)


def _boot_arguments(texts: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--arg {text!r} has no value: write it like --arg heap=65536.")
        pairs[key] = value
    return pairs
