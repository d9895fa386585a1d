# SPDX-License-Identifier: MIT
"""FAT, as ESP-IDF's components/fatfs uses it: with or without wear levelling."""

from __future__ import annotations

from collections.abc import Mapping

from espbench.flash.filesystems import fat_builder, wear_levelling
from espbench.flash.filesystems.fat_volume import FatVolume, is_volume

__all__ = ["Fat", "knows_long_names", "mounts_plain"]

_UPPER_CASE = bytes.fromhex("61001a03 e0001703 f8000703")
"""Start of the table in FatFs's `ff_wtoupper` (ffunicode.c), which only long names need."""


def knows_long_names(firmware: bytes) -> bool:
    """Return whether a firmware's FatFs is built with long names (CONFIG_FATFS_LFN_*)."""
    return _UPPER_CASE in firmware


def mounts_plain(firmware: bytes) -> bool:
    """Return whether a firmware mounts a FAT in flash, but has no wear levelling.

    The tags of the log (vfs_fat_spiflash.c, WL_Flash.cpp) tell, and the linker leaves out what is
    not called. `esp_vfs_fat_spiflash_mount_ro` needs no wear levelling.
    """
    return b"vfs_fat_spiflash" in firmware and b"wl_flash" not in firmware


def _is_plain(data: bytes) -> bool:
    """Return whether a volume begins here, and not only a part of one with wear levelling.

    Such a partition may begin with the boot sector, too, but is larger than the volume.
    """
    if not is_volume(data):
        return False
    return FatVolume(data).size == len(data) or not wear_levelling.is_levelled(data)


class Fat:
    """FAT12 and FAT16; FAT32 is read, but not built."""

    name = "FAT"
    has_folders = True

    def __init__(self, *, long_names: bool = True, levelled: bool = True) -> None:
        """Describe it.

        Args:
            long_names: whether names may be others than 8.3.
            levelled: whether a partition that is empty until now gets wear levelling.
        """
        self._long_names = long_names
        self._levelled = levelled

    def recognises(self, data: bytes) -> bool:
        """Return whether a partition has a boot sector or a state of the wear levelling."""
        return is_volume(data) or wear_levelling.is_levelled(data)

    def read(self, data: bytes) -> dict[str, bytes]:
        """Return the files in a partition by path; see `FileSystem`."""
        volume = data if _is_plain(data) else wear_levelling.volume_in(data)
        if not volume.strip(b"\xff"):
            return {}
        return FatVolume(volume).read()

    def build(self, files: Mapping[str, bytes], size: int, like: bytes = b"") -> bytes:
        """Return a partition with these files; see `FileSystem`."""
        known = self.recognises(like)
        plain = _is_plain(like) if known else not self._levelled
        sector = wear_levelling.SECTOR
        length = size if plain else wear_levelling.volume_size(size)
        if known:
            old = like if plain else wear_levelling.volume_in(like)
            if is_volume(old):
                volume = FatVolume(old)
                sector, length = volume.sector, volume.size
        made = fat_builder.build(files, length, sector, long_names=self._long_names)
        return made.ljust(size, b"\xff") if plain else wear_levelling.level(made, size)
