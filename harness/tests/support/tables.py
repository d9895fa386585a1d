# SPDX-License-Identifier: MIT
"""Partition tables for tests."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence

from espbench.flash.partition_table import TABLE_LENGTH, Partition


def made(partitions: Sequence[Partition], *, md5: bool = True) -> bytes:
    """Return a partition table as gen_esp32part.py writes it."""
    table = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", p.kind, p.subtype, p.offset, p.size, name, p.flags)
        for p in partitions
        for name in [p.label.encode()]
    )
    if md5:
        table += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table, usedforsecurity=False).digest()
    return table.ljust(TABLE_LENGTH, b"\xff")
