# SPDX-License-Identifier: MIT
"""A booted board: console, control channel, memory, readiness."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espbench.util.renamed import renamed

if not TYPE_CHECKING:
    __getattr__ = renamed(
        __name__,
        {
            "Device": "espbench.Device",
            "HeapSample": "espbench.device.memory.HeapSample",
            "Ready": "espbench.device.readiness.Ready",
            "elf_of": "espbench.device.firmware_file.elf_of",
            "open_connections": "espbench.device.memory.bench_source.open_connections",
            "readiness_of": "espbench.device.readiness.readiness_of",
        },
    )
