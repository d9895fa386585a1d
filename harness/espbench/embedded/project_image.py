# SPDX-License-Identifier: MIT
"""Finds out whether a project has something that QEMU can boot."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

BUILT = ("flasher_args.json", "config/sdkconfig.json")
"""Files in each build folder of ESP-IDF, and not in those of other build systems."""


def has_image(parameters: Mapping[str, Any]) -> bool:
    """Return whether an image is given, or a build folder of ESP-IDF exists.

    Args:
        parameters: values of pytest-embedded's fixture `parametrize_fixtures` for one dut.
    """
    if parameters["qemu_image_path"]:
        return True
    folder = Path(parameters["build_dir"] or "build")
    app = Path(parameters["app_path"] or ".")
    # In pytest-embedded's order: next to the test, then in the working folder.
    return any((path / name).is_file() for path in (app / folder, folder) for name in BUILT)
