# SPDX-License-Identifier: MIT
"""Entry point of `python -m espbench`."""

from __future__ import annotations

import sys

from espbench.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
