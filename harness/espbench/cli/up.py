# SPDX-License-Identifier: MIT
"""Command line of `espbench up`: options and output; the work is in `interactive.up`."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from espbench.boards.builtin import board_named
from espbench.cli.shared import Subparsers, add_command, firmware_of, firmware_option, terminal
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
    )
    firmware_option(it)
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
    it.add_argument("--files", metavar="DIR", help="folder with files for the device")
    it.add_argument("--cert", metavar="FILE", help="certificate chain (PEM) for https")
    it.add_argument("--key", metavar="FILE", help="its key (PEM)")
    it.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="boot argument, such as heap=65536",
    )


def run(args: argparse.Namespace) -> int:
    """Boot a device and keep its console open."""
    from espbench.interactive import up as module
    from espbench.interactive.webrepl_password import chosen_password

    board = board_named(args.board)
    fixed = {"http": args.http_port, "https": args.https_port}
    options = module.UpOptions(
        board=board,
        firmware=Path(),
        fixed={scheme: port for scheme, port in fixed.items() if port is not None},
        host=args.host,
        files=Path(args.files) if args.files else None,
        cert=Path(args.cert) if args.cert else None,
        key=Path(args.key) if args.key else None,
        args=_boot_arguments(args.arg),
        internet=args.internet,
        password=chosen_password(os.environ),
    )
    module.check_address(options)
    for port in options.fixed.values():
        module.check_free(port, options.host)  # fails before a build that takes a minute
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
