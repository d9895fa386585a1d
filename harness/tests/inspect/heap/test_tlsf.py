# SPDX-License-Identifier: MIT
"""`walk`, `content_of` and `fit_size`, with pools made by hand."""

from __future__ import annotations

import struct

import pytest
from espbench.inspect.heap.tlsf import Blocks, content_of, fit_size, walk
from espbench.inspect.memory import Inconsistent

FREE, BEFORE_IS_FREE = 1, 2


def pool(*blocks: tuple[int, bool]) -> bytes:
    """Return a pool with blocks of these sizes, free or not, and its last block."""
    data, before = b"", False
    for size, free in [*blocks, (0, False)]:
        tag = size | (FREE if free else 0) | (BEFORE_IS_FREE if before else 0)
        data += struct.pack("<I", tag) + b"\xaa" * size
        before = free
    return data + b"\xaa" * 4


def test_blocks() -> None:
    """Numbers and sizes of blocks are counted up to the last block, which has no size."""
    found = walk(pool((100, False), (40, True), (12, False), (2000, True)))
    assert found == Blocks(allocated=2, free=2, largest=2000, free_bytes=2040)
    assert walk(pool((64, False))) == Blocks(1, 0, 0, 0)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (pool((100, False), (40, True))[:120], "last block is missing"),
        (struct.pack("<I", 40 | FREE) + bytes(40) + bytes(8), "disagree"),
        (b"", "last block is missing"),
    ],
    ids=["truncated", "neighbours", "empty"],
)
def test_a_pool_in_the_middle_of_a_change(data: bytes, why: str) -> None:
    """A chain that cannot be is not guessed at: the guest is stopped again later."""
    with pytest.raises(Inconsistent, match=why):
        walk(data)


@pytest.mark.parametrize(("inside", "content"), [(4, 4), (103, 4), (108, 108), (147, 108)])
def test_content_of(inside: int, content: int) -> None:
    """The content of a block begins after its header."""
    assert content_of(pool((100, False), (40, True)), inside) == content


@pytest.mark.parametrize("outside", [0, 3, 104, 107, 148, 200])
def test_content_of_no_block(outside: int) -> None:
    """Headers, the last block and what comes after it are not in any block's content."""
    with pytest.raises(Inconsistent, match="no block"):
        content_of(pool((100, False), (40, True)), outside)


@pytest.mark.parametrize(
    ("largest", "fits"),
    [(0, 0), (4, 12), (100, 100), (101, 104), (128, 128), (1023, 1008), (34888, 34816)],
)
def test_fit_size(largest: int, fits: int) -> None:
    """The size is rounded down to that of a list, as in ESP-IDF (32 lists a power of two)."""
    assert fit_size(largest, lists=32, small=128) == fits
