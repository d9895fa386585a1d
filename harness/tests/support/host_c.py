# SPDX-License-Identifier: MIT
"""Compiler flags with which tests compile the project's C for the host."""

from __future__ import annotations

import os

from espbench.firmware.make_backend import WERROR_VARIABLE


def warning_flags() -> list[str]:
    """Return the compiler's warning flags; warnings are errors if `ESPBENCH_WERROR` is 1."""
    stop = ["-Werror"] if os.environ.get(WERROR_VARIABLE) == "1" else []
    return ["-Wall", "-Wextra", *stop]
