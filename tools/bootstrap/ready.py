# SPDX-License-Identifier: MIT
"""The set-up of a clone: Debian packages, then the virtual environment."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import debian
import environment
from problem import Problem

TREE = Path(__file__).resolve().parents[2]


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    result = argparse.ArgumentParser(
        prog="bootstrap", description="Set up this clone for a purpose."
    )
    result.add_argument("purpose", choices=debian.PURPOSES, help="what to set up for")
    result.add_argument(
        "command", nargs="*", help="a program of the virtual environment and its arguments"
    )
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the missing steps; return an exit status, or exec the command."""
    options = parser().parse_args(arguments)
    try:
        debian.ensure(options.purpose)
        bin_folder = environment.ensure(TREE)
    except Problem as problem:
        print(f"espbench: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("espbench: stopped: the next run continues from here.", file=sys.stderr)
        return 130
    if not options.command:
        return 0
    program = bin_folder / options.command[0]
    os.environ["PATH"] = f"{bin_folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.environ["VIRTUAL_ENV"] = str(bin_folder.parent)
    sys.stdout.flush()
    return os.execv(program, [str(program), *options.command[1:]])
