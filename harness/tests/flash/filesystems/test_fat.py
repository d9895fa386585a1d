# SPDX-License-Identifier: MIT
"""FAT partitions, with and without wear levelling, are those that ESP-IDF makes and reads."""

from __future__ import annotations

import lzma
import struct
from pathlib import Path

import pytest
from espbench.errors import BadFileName, FileSystemFull, ImageError
from espbench.flash.filesystems import fat_builder, wear_levelling
from espbench.flash.filesystems.fat import Fat, knows_long_names
from espbench.flash.filesystems.fat_volume import FatVolume
from idf_generators import fatfsgen, fatfsparse

GENERATED = Path(__file__).with_name("wl_fatfsgen.bin.xz")
"""What wl_fatfsgen.py of ESP-IDF v5.4.1 makes of `CONTENT`, in a partition of 0x140000 bytes, whose
states have two sectors each."""
CONTENT = {"/a.txt": b"A", "/certs/servercert.pem": b"-----BEGIN" * 1000, "/empty": b""}
FILES = {
    "/a.txt": b"",
    "/certs/deeper/Long name.pem": b"long" * 3000,
    "/certs/prvtkey.pem": b"key",
    "/certs/prvtkey2.pem": b"key 2",
    "/certs/prvtkey3.pem": b"key 3",
    "/ümlaut.txt": "ü".encode(),
}
SIZE = 0x80000


def generated() -> bytes:
    return lzma.decompress(GENERATED.read_bytes())


def test_a_generated_partition() -> None:
    """A partition of wl_fatfsgen.py is recognised, read, and rebuilt with its geometry."""
    partition = generated()
    assert Fat().recognises(partition)
    assert Fat().read(partition) == CONTENT
    again = Fat().build({"/b": b"B"}, len(partition), like=partition)
    assert Fat().read(again) == {"/b": b"B"}
    assert again[-4096:] == partition[-4096:]  # the configuration
    end = len(partition) - 5 * 4096
    assert again[end : end + 28] == partition[end : end + 28]  # the state, up to the device's ID


@pytest.mark.parametrize("tool", ["fatfsgen.py", "wl_fatfsgen.py"])
@pytest.mark.parametrize("sector", ["512", "4096"])
def test_generator_of_this_esp_idf(tool: str, sector: str) -> None:
    """The installed generators agree; the wear levelling and the sectors stay as they are."""
    partition = fatfsgen(CONTENT, SIZE, "--sector_size", sector, tool=tool)
    assert Fat().read(partition) == CONTENT
    again = Fat().build(CONTENT, SIZE, like=partition)
    assert fatfsparse(again) == CONTENT
    levelled = wear_levelling.is_levelled(partition)
    assert wear_levelling.is_levelled(again) is levelled == tool.startswith("wl")
    volume = wear_levelling.volume_in(again) if levelled else again
    assert FatVolume(volume).sector == int(sector)


def test_safe_mode_of_this_esp_idf() -> None:
    """The two sectors that the safe mode keeps for itself stay free."""
    partition = fatfsgen(
        CONTENT, SIZE, "--sector_size", "512", "--wl_mode", "safe", tool="wl_fatfsgen.py"
    )
    again = Fat().build(CONTENT, SIZE, like=partition)
    volumes = [FatVolume(wear_levelling.volume_in(each)) for each in (partition, again)]
    assert volumes[0].size == volumes[1].size == wear_levelling.volume_size(SIZE) - 2 * 4096


@pytest.mark.parametrize("sector", [512, 4096])
@pytest.mark.parametrize("size", [SIZE, 4 << 20, 14 << 20])
def test_own_volumes(size: int, sector: int) -> None:
    """FAT12 and FAT16 hold files of all kinds of names, in folders of many entries."""
    many = {f"/many/file with number {n}": str(n).encode() for n in range(80)}
    volume = fat_builder.build({**FILES, **many}, size, sector, long_names=True)
    assert len(volume) == size
    assert FatVolume(volume).read() == dict(sorted({**FILES, **many}.items()))


def test_new_partition() -> None:
    """A new partition has wear levelling, as `esp_vfs_fat_spiflash_mount_rw_wl` expects it."""
    partition = Fat().build(FILES, SIZE)
    assert len(partition) == SIZE
    assert wear_levelling.is_levelled(partition)
    assert Fat().read(partition) == dict(sorted(FILES.items()))


def test_new_partition_without_wear_levelling() -> None:
    """A firmware that only calls `esp_vfs_fat_spiflash_mount_ro` expects a plain volume."""
    plain = Fat(levelled=False)
    partition = plain.build(FILES, SIZE)
    assert not wear_levelling.is_levelled(partition)
    assert plain.read(partition) == dict(sorted(FILES.items()))
    levelled = Fat().build(FILES, SIZE)
    assert wear_levelling.is_levelled(plain.build({}, SIZE, like=levelled))


@pytest.mark.parametrize(("moves", "dummy"), [(0, 5), (3, 0), (7, 40), (1000, 2)])
def test_used_wear_levelling(moves: int, dummy: int) -> None:
    """Sectors that a device has moved are found where `WL_Flash::calcAddr` finds them."""
    partition = bytearray(Fat().build(FILES, SIZE))
    sectors = wear_levelling.volume_size(SIZE) // 4096
    volume = wear_levelling.volume_in(bytes(partition))
    for address in range(0, len(volume), 4096):
        result = (len(volume) - moves * 4096 + address) % len(volume)
        result += 4096 if result >= dummy * 4096 else 0
        partition[result : result + 4096] = volume[address : address + 4096]
    partition[dummy * 4096 : (dummy + 1) * 4096] = b"\0" * 4096
    state = len(partition) - 3 * 4096
    struct.pack_into("<I", partition, state + 8, moves)
    fields = bytes(partition[state : state + 60])
    struct.pack_into("<I", partition, state + 60, wear_levelling._crc(fields))
    device = struct.unpack_from("<I", partition, state + 28)[0]
    for n in range(4 * dummy):
        crc = wear_levelling._crc(struct.pack("<I", device + n))
        struct.pack_into("<I", partition, state + 64 + 4 * n, crc)
    assert sectors > dummy
    assert Fat().read(bytes(partition)) == dict(sorted(FILES.items()))


def test_recognition() -> None:
    """Erased bytes and other content are not FAT; a state alone is an empty FAT."""
    assert not Fat().recognises(b"\xff" * SIZE)
    assert not Fat().recognises(bytes(SIZE))
    empty = wear_levelling.level(b"", SIZE)
    assert Fat().recognises(empty)
    assert Fat().read(empty) == {}
    with pytest.raises(ImageError, match="no state"):
        Fat().read(bytes(SIZE))


def test_names_without_long_ones() -> None:
    """Without long names, only 8.3 names are possible, in either case."""
    short = Fat(long_names=False)
    made = short.build({"/certs/key.pem": b"1", "/INDEX.HTM": b"2"}, SIZE)
    assert short.read(made) == {"/CERTS/KEY.PEM": b"1", "/INDEX.HTM": b"2"}
    for name in ("/certs/servercert.pem", "/a.html", "/.x", "/a.b.c", "/a b"):
        with pytest.raises(BadFileName) as caught:
            short.build({name: b""}, SIZE)
        assert str(caught.value) == (
            f"{name} is not an 8.3 name, and this firmware's FAT has no long names: shorten it, or "
            "set CONFIG_FATFS_LFN_HEAP=y in the firmware."
        )
    with pytest.raises(BadFileName, match="is not a valid FAT file name"):
        Fat().build({"/a:b": b""}, SIZE)


def test_firmware_with_long_names() -> None:
    """FatFs with long names has a table that turns letters into upper case."""
    table = struct.pack("<8H", 0x61, 0x31A, 0xE0, 0x317, 0xF8, 0x307, 0xFF, 0x1)
    assert knows_long_names(b"x" * 100 + table)
    assert not knows_long_names(b"x" * 100)


def test_too_large() -> None:
    """Files that do not fit are one sentence."""
    with pytest.raises(FileSystemFull, match=r"do not fit into the device's FAT of \d+ bytes"):
        Fat().build({"/a": bytes(SIZE)}, SIZE)
    many = {f"/{n}": b"" for n in range(513)}
    with pytest.raises(FileSystemFull, match="full at /"):
        Fat().build(many, SIZE)
    with pytest.raises(ImageError, match="cannot have"):
        fat_builder.build({}, 64 << 20, 512, long_names=True)
