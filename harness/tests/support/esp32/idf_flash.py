# SPDX-License-Identifier: MIT
"""The flash image of a project built by ESP-IDF."""

from __future__ import annotations

import json
from pathlib import Path

from espbench.flash.merged_image import flash_size, merged


def flash(built: Path) -> bytes:
    """Return the project's whole flash as `idf.py flash` would write it from this folder."""
    arguments = json.loads((built / "flasher_args.json").read_text())
    files = [(int(at, 0), built / name) for at, name in arguments["flash_files"].items()]
    return merged(files, flash_size(arguments["flash_settings"]["flash_size"]))
