# SPDX-License-Identifier: MIT
"""How a report says that too little heap is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from espbench.check.diagnosis.memory import describe
from espbench.device.memory.heap_info import HeapInfo

HEAP = HeapInfo(size=320_000, free=100_000, low_water=0, largest=90_000, blocks=10, ballast=0)


@pytest.mark.parametrize(
    ("largest", "http", "tls"),
    [(90_000, False, False), (16_000, False, True), (704, True, True)],
    ids=["enough", "no TLS record", "no frame"],
)
def test_shortage(largest: int, http: bool, tls: bool) -> None:
    """A TLS session needs a block for records, and everything needs one for a frame."""
    heap = replace(HEAP, free=largest + 448, largest=largest)
    assert bool(describe(heap, tls=False)) == http
    assert bool(describe(heap, tls=True)) == tls


def test_sentence() -> None:
    """It has both figures, as fragments are of no use."""
    heap = replace(HEAP, free=1152, largest=704)
    assert describe(heap, tls=False) == (
        "Only 1,152 B of heap were left, in blocks of at most 704 B."
    )
