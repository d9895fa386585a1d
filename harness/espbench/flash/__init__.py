# SPDX-License-Identifier: MIT
"""Contents of a flash image: partition tables, application images, ELF files, littlefs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espbench.util.renamed import renamed

if not TYPE_CHECKING:
    __getattr__ = renamed(
        __name__,
        {
            "Flash": "espbench.flash.geometry.Flash",
        },
    )
