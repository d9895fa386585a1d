# SPDX-License-Identifier: MIT
"""ESP-IDF's wear levelling below FAT: which sectors of a partition a volume consists of.

Source: components/wear_levelling/WL_Flash.cpp, and components/fatfs/wl_fatfsgen.py.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from espbench.errors import ImageError

__all__ = ["SECTOR", "is_levelled", "level", "volume_in", "volume_size"]

SECTOR = 4096
_STATE = struct.Struct("<8I28xI")
"""`wl_state_t`: dummy sector's position, number of positions, moves of the dummy sector, erase
cycles, their maximum, block size, version, device ID, CRC."""
_CONFIG = struct.Struct("<8II12x")
"""`wl_config_t`."""
_VERSION = 2
_RATE = 16
_RECORD = 16
_TEMPORARY = 32
_DEVICE = 0x6573_7062
"""A device's ID is random; this one keeps images reproducible."""


@dataclass(frozen=True)
class _State:
    at: int
    positions: int
    moves: int
    device: int


def volume_size(size: int) -> int:
    """Return how many bytes of a partition are left for the volume."""
    return size - _reserved(size) - SECTOR


def is_levelled(data: bytes) -> bool:
    """Return whether a partition has an intact state of the wear levelling."""
    return _state(data) is not None


def volume_in(data: bytes) -> bytes:
    """Return the volume in a partition with wear levelling.

    Raises:
        ImageError: the partition has none.
    """
    state = _state(data)
    if state is None:
        raise ImageError("The partition has no state of the wear levelling: build it again.")
    dummy = 0
    while dummy < state.positions - 1 and _is_record(data, state, dummy):
        dummy += 1
    sectors = [data[n * SECTOR : (n + 1) * SECTOR] for n in range(state.positions)]
    del sectors[dummy]
    turn = state.moves % len(sectors)
    return b"".join(sectors[-turn:] + sectors[:-turn] if turn else sectors)


def level(volume: bytes, size: int) -> bytes:
    """Return a partition with wear levelling and this volume.

    Args:
        volume: at most `volume_size(size)` bytes.
        size: bytes of the partition.
    """
    positions = volume_size(size) // SECTOR + 1
    fields = struct.pack("<8I28x", 0, positions, 0, 0, _RATE, SECTOR, _VERSION, _DEVICE)
    state = (fields + struct.pack("<I", _crc(fields))).ljust(_state_size(size), b"\xff")
    fields = struct.pack("<8I", 0, size, SECTOR, SECTOR, _RATE, _RECORD, _VERSION, _TEMPORARY)
    config = (fields + struct.pack("<I12x", _crc(fields))).ljust(SECTOR, b"\xff")
    return b"\xff" * SECTOR + volume.ljust(volume_size(size), b"\xff") + 2 * state + config


def _state_size(size: int) -> int:
    need = _STATE.size + size // SECTOR * _RECORD
    return -(-need // SECTOR) * SECTOR


def _reserved(size: int) -> int:
    """Return the bytes of two states and the configuration, at the end of a partition."""
    return 2 * _state_size(size) + SECTOR


def _crc(data: bytes) -> int:
    return zlib.crc32(data, 0xFFFFFFFF)


def _state(data: bytes) -> _State | None:
    """Return the first intact state."""
    if len(data) < 5 * SECTOR or len(data) % SECTOR:
        return None
    start = len(data) - _reserved(len(data))
    for at in (start, start + _state_size(len(data))):
        _, positions, moves, _, _, block, version, device, crc = _STATE.unpack_from(data, at)
        intact = _crc(data[at : at + _STATE.size - 4]) == crc and version == _VERSION
        if intact and block == SECTOR and 1 < positions <= start // SECTOR:
            return _State(at, positions, moves, device)
    return None


def _is_record(data: bytes, state: _State, number: int) -> bool:
    """Return whether the dummy sector has left a position (`WL_Flash::OkBuffSet`)."""
    at = state.at + _STATE.size + number * _RECORD
    expected = b"".join(
        struct.pack("<I", _crc(struct.pack("<I", (state.device + number * 4 + n) & 0xFFFFFFFF)))
        for n in range(4)
    )
    return data[at : at + _RECORD] == expected
