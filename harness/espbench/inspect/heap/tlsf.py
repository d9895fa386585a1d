# SPDX-License-Identifier: MIT
"""`walk`: the blocks of a TLSF pool, as `tlsf_walk_pool` visits them; pure.

The format is that of ESP-IDF's fork (components/heap/tlsf/tlsf_block_functions.h): a block begins
with `prev_phys_block`, which overlaps the end of the block before it, and `size`, whose two lowest
bits say whether the block and the block before it are free.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from espbench.inspect.memory import Inconsistent

__all__ = ["Blocks", "content_of", "fit_size", "walk"]

HEADER = 4
"""`block_header_overhead`: bytes of an allocated block beside its content."""
_FREE, _BEFORE_IS_FREE = 1, 2
_SIZE = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Blocks:
    """What a walk over a pool found.

    Attributes:
        allocated, free: numbers of blocks.
        largest: size of the largest free block.
        free_bytes: bytes in free blocks, without headers.
    """

    allocated: int
    free: int
    largest: int
    free_bytes: int


def walk(pool: bytes) -> Blocks:
    """Return the blocks of a pool.

    Args:
        pool: its memory, from `tlsf_get_pool` on: the size of the first block.

    Raises:
        Inconsistent: it has no valid chain of blocks, because the allocator was at work.
    """
    allocated = free = largest = free_bytes = at = 0
    before_is_free = False
    while at + HEADER <= len(pool):
        (tag,) = _SIZE.unpack_from(pool, at)
        size = tag & ~(_FREE | _BEFORE_IS_FREE)
        if bool(tag & _BEFORE_IS_FREE) != before_is_free:
            raise Inconsistent("a block and its neighbour disagree")
        if size == 0:
            return Blocks(allocated, free, largest, free_bytes)
        before_is_free = bool(tag & _FREE)
        if before_is_free:
            free += 1
            free_bytes += size
            largest = max(largest, size)
        else:
            allocated += 1
        at += HEADER + size
    raise Inconsistent("a heap's last block is missing")


def content_of(pool: bytes, inside: int) -> int:
    """Return the offset of a block's content.

    Args:
        pool: as for `walk`.
        inside: offset of a byte in the block.

    Raises:
        Inconsistent: no block contains it.
    """
    at = 0
    while at + HEADER <= min(len(pool), inside):
        size = _SIZE.unpack_from(pool, at)[0] & ~(_FREE | _BEFORE_IS_FREE)
        if inside < at + HEADER + size:
            return at + HEADER
        if size == 0:
            break
        at += HEADER + size
    raise Inconsistent("no block contains this address")


def fit_size(largest: int, *, lists: int, small: int) -> int:
    """Return the size that can be allocated from a free block, as `tlsf_fit_size` does.

    TLSF takes the first block of a list whose blocks are all large enough ("good fit"), so the size
    is that of the list, which may be smaller than the block.

    Args:
        largest: bytes of the largest free block.
        lists: lists for each power of two (`sl_index_count`).
        small: size below which each list has one size (`small_block_size`).
    """
    if largest == 0:
        return 0
    if largest < small:
        return max(-(-largest // 4) * 4, 12)
    interval = (1 << (largest.bit_length() - 1)) // lists
    return largest & ~(interval - 1)
