# SPDX-License-Identifier: MIT
"""Finds, starts, controls and stops QEMU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espbench.util.renamed import renamed

if not TYPE_CHECKING:
    __getattr__ = renamed(
        __name__,
        {
            "Machine": "espbench.qemu.process.Machine",
            "Qemu": "espbench.qemu.process.Qemu",
            "qemu_version": "espbench.qemu.process.qemu_version",
        },
    )
