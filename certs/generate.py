# SPDX-License-Identifier: MIT
"""Generate the certificates of this folder without installing espbench.

    python3 certs/generate.py                    # every recipe, into certs/out/
    python3 certs/generate.py expired p256 -o /tmp/pki

Needs Python 3.11 and the package `cryptography`. `espbench certs` does the same once espbench is
installed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

try:
    import cryptography  # noqa: F401
except ModuleNotFoundError:
    sys.exit("generate.py needs the package cryptography: pip install cryptography")

from espbench.certs import recipes  # noqa: E402


def main() -> int:
    """Write the files of the chosen recipes, one folder per recipe."""
    known = recipes()
    parser = argparse.ArgumentParser(description="Make good and bad certificates.")
    parser.add_argument("recipe", nargs="*", help="recipes to make (default: all)")
    parser.add_argument("-o", "--out", type=Path, default=HERE / "out", metavar="DIR")
    args = parser.parse_args()
    if unknown := [name for name in args.recipe if name not in known]:
        parser.error(f"unknown recipe {unknown[0]!r}: choose from {', '.join(known)}")
    for name in args.recipe or known:
        try:
            known[name].write(args.out / name)
        except (OSError, subprocess.SubprocessError) as error:
            sys.exit(f"generate.py: {name} could not be made: {error}")
        print(args.out / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
