# SPDX-License-Identifier: MIT
"""`python -m espbench.reporting.all_boards`: what `make test` runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from espbench.errors import EspbenchError
from espbench.firmware import source_tree
from espbench.reporting.all_boards.command import run
from espbench.reporting.all_boards.sessions import Plan


def main(arguments: Sequence[str]) -> int:
    """Run; return an exit status."""
    parser = argparse.ArgumentParser(prog="espbench run --all-boards")
    parser.add_argument("--own-tests", action="store_true")
    parser.add_argument("pytest", nargs="*")
    options = parser.parse_args(arguments)
    try:
        root = source_tree.root()
        out = root / "build" / "test"
        return run(Plan(root, out, pytest=options.pytest, own_tests=options.own_tests))
    except EspbenchError as error:
        print(f"espbench: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
