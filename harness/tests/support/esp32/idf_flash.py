# SPDX-License-Identifier: MIT
"""The flash image of a project that ESP-IDF built."""

from __future__ import annotations

import json
from pathlib import Path

from espbench.embedded.flash_image import flash_size, merged


def flash(built: Path) -> bytes:
    """Return what `idf.py flash` would write from this folder, in a flash of the project's size."""
    arguments = json.loads((built / "flasher_args.json").read_text())
    files = [(int(at, 0), built / name) for at, name in arguments["flash_files"].items()]
    return merged(files, flash_size(arguments["flash_settings"]["flash_size"]))
