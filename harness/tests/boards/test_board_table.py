# SPDX-License-Identifier: MIT
"""The tables in docs/reference/boards.md match the boards."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS

TREE = Path(__file__).resolve().parents[3]
FIRMWARE = TREE / "firmware"
ARGUMENTS, ADAPTS = "The boot arguments", "What scenarios adapt to"


def cells(section: str, row: str) -> list[str]:
    """Return the cells for each board in a row of a section's table."""
    page = (TREE / "docs" / "reference" / "boards.md").read_text()
    text = page.partition(f"## {section}\n")[2].partition("\n## ")[0]
    (line,) = re.findall(rf"^\| `?{re.escape(row)}\b.*", text, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")[2 : 2 + len(BOARDS)]]


@pytest.mark.parametrize(
    "name", ["largest_object", "heap_noise", "longest_request", "ready_timeout"]
)
def test_data(name: str) -> None:
    """The table has the same numbers as the boards."""
    assert cells(ADAPTS, name) == [f"{getattr(board, name):g}" for board in BOARDS.values()]


def test_heaps() -> None:
    """Both tables have the size of MicroPython's heap as in the firmware's sources."""
    (lx60,) = re.findall(
        r"GC_HEAP_BYTES (\d+)", (FIRMWARE / "ports/lx60/chip/memory.c").read_text()
    )
    headers = [
        (FIRMWARE / name).read_text()
        for name in (
            *("ports/esp32/mpconfig_bench.h", "boards/ESP32C3_BENCH/mpconfigboard.h"),
            "ports/esp32/mpconfig_bench.h",  # the ESP32-S3's definition has none of its own
        )
    ]
    chips = [
        re.findall(r"define MICROPY_GC_INITIAL_HEAP_SIZE \((\d+) \* 1024\)", header)
        for header in headers
    ]
    expected = [lx60, *(str(int(kilobytes) * 1024) for (kilobytes,) in chips)]
    assert cells(ARGUMENTS, "gcheap") == expected
    assert cells(ADAPTS, "GC heap") == expected
    (net,) = re.findall(
        r"NET_HEAP_BYTES (\d+)", (FIRMWARE / "ports/lx60/chip/memory.c").read_text()
    )
    assert cells(ARGUMENTS, "heap")[0] == net


def test_boards() -> None:
    """The columns are the boards, in their order."""
    assert cells(ADAPTS, "what") == [f"`{name}`" for name in BOARDS]
    assert cells(ARGUMENTS, "argument") == [
        *("default on `lx60`", "on `esp32`", "on `esp32c3`", "on `esp32s3`"),
    ]
