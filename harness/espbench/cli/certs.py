# SPDX-License-Identifier: MIT
"""Command line of `espbench certs`: options and output; the work is in `certs`."""

from __future__ import annotations

import argparse
from pathlib import Path

from espbench.cli.shared import Subparsers, add_command, print_json
from espbench.errors import ConfigError

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Subparsers) -> None:
    """Add the command `certs`."""
    it = add_command(
        subparsers,
        "certs",
        run,
        "write good and bad certificates, and list them",
        "espbench certs p256 expired --out ./my-certs",
    )
    it.add_argument("recipe", nargs="*", help="names of recipes (default: all)")
    it.add_argument("--out", default="build/certs", metavar="DIR", help="default: build/certs")
    it.add_argument("--list", action="store_true", help="list the recipes without writing anything")


def run(args: argparse.Namespace) -> int:
    """Write good and bad certificates, and list them."""
    from espbench.certs import recipes
    from espbench.certs.recipes import CERT_FILE, KEY_FILE, TRUST_FILE

    known = recipes()
    unknown = [name for name in args.recipe if name not in known]
    if unknown:
        raise ConfigError(f"Unknown recipe {unknown[0]!r}: choose from {', '.join(known)}.")
    chosen = [known[name] for name in args.recipe or known]
    folder = Path(args.out)
    listed = []
    for recipe in chosen:
        paths: list[Path] = []
        if not args.list:
            try:
                paths = recipe.write(folder / recipe.name)
            except OSError as error:
                raise ConfigError(
                    f"{folder / recipe.name} cannot be written ({error.strerror}): choose another "
                    "folder with --out."
                ) from error
        listed.append((recipe, paths))
    if args.json:
        print_json(
            [
                {
                    "name": recipe.name,
                    "summary": recipe.summary,
                    "starts": recipe.starts,
                    "files": [str(path) for path in paths],
                }
                for recipe, paths in listed
            ]
        )
        return 0
    width = max(len(recipe.name) for recipe, _ in listed)
    for recipe, _ in listed:
        print(
            f"{recipe.name:{width}}  {'starts ' if recipe.starts else 'refused'}  {recipe.summary}"
        )
    if not args.list:
        print(
            f"\nwritten to {folder}/NAME/: {CERT_FILE} and {KEY_FILE} go on the device, and "
            f"clients trust {TRUST_FILE}"
        )
    return 0
