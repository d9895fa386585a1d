# SPDX-License-Identifier: MIT
"""SPIFFS partitions are those of ESP-IDF's spiffsgen.py, and are read as the device reads them."""

from __future__ import annotations

import hashlib

import pytest
from espbench.errors import BadFileName, FileSystemFull, ImageError
from espbench.flash.filesystems.spiffs import Geometry, Spiffs
from idf_generators import spiffsgen

FILES = {"/a.txt": b"", "/cert.pem": b"-----BEGIN" * 120, "/big.bin": bytes(range(256)) * 400}
SIZE = 0x40000
GENERATED = {
    (256, 4): "155c00ad5c7fbd220abde88f1186bb6ec729ba698454a6ed03b2bed5de550e95",
    (512, 4): "40ad9b9dc1dc8cf78e45be900efb8845ee77af6ef8b4a81283eeb91b0ad8a7a9",
    (256, 8): "461201526f5e01e13750d6ef971605c3d41fb9f12f70370f59383552f3e84adc",
    (512, 8): "1d9e6261ad24a3e3692caaaba8bf3209580c814b21df177a28593fd2497728f0",
}
"""SHA-256 of what spiffsgen.py of ESP-IDF v5.4.1 makes of `FILES`, by page size and metadata."""


@pytest.mark.parametrize(("page", "meta"), GENERATED)
def test_same_as_the_generator(page: int, meta: int) -> None:
    """A partition is byte for byte that of spiffsgen.py, also rebuilt from what it contains."""
    made = Spiffs(Geometry(page, meta=meta)).build(FILES, SIZE)
    assert hashlib.sha256(made).hexdigest() == GENERATED[page, meta]
    assert Spiffs().recognises(made)
    assert Spiffs().read(made) == FILES
    assert Spiffs().build(FILES, SIZE, like=made) == made


@pytest.mark.parametrize("options", [(), ("--no-magic-len",), ("--meta-len=0",)])
def test_generator_of_this_esp_idf(options: tuple[str, ...]) -> None:
    """The installed spiffsgen.py agrees, with other options as well."""
    made = spiffsgen(FILES, SIZE, *options)
    order = {name: FILES[name] for name in Spiffs().read(made)}
    assert order == FILES
    again = Spiffs().build(order, SIZE, like=made)
    assert Spiffs().read(again) == FILES
    assert again[:SIZE][-4096:] == made[-4096:]  # the magic numbers of an empty block


def test_what_a_device_leaves() -> None:
    """Deleted pages and half-written files are not listed."""
    made = bytearray(Spiffs().build({"/a": b"old", "/b": b"kept"}, SIZE))
    header = made.index(b"/a\0") - 13
    made[header + 4] &= 0x7F  # SPIFFS_PH_FLAG_DELET
    assert Spiffs().read(bytes(made)) == {"/b": b"kept"}
    header = made.index(b"/b\0") - 13
    made[header + 4] |= 0x02  # SPIFFS_PH_FLAG_FINAL
    assert Spiffs().read(bytes(made)) == {}


def test_damage() -> None:
    """A page that is missing is damage; an erased partition is empty; other bytes are rejected."""
    made = bytearray(Spiffs().build({"/a": bytes(1000)}, SIZE))
    made[3 * 256 : 4 * 256] = b"\xff" * 256
    with pytest.raises(ImageError, match="pages of /a are missing"):
        Spiffs().read(bytes(made))
    assert Spiffs().read(b"\xff" * SIZE) == {}
    assert not Spiffs().recognises(b"\xff" * SIZE)
    assert not Spiffs().recognises(bytes(SIZE))
    with pytest.raises(ImageError, match="no SPIFFS"):
        Spiffs().read(bytes(SIZE))


def test_limits() -> None:
    """A path has 31 bytes, and files have to fit: one sentence each."""
    longest = "/" + "x" * 30
    assert list(Spiffs().read(Spiffs().build({longest: b"1"}, SIZE))) == [longest]
    with pytest.raises(BadFileName) as name:
        Spiffs().build({longest + "y": b""}, SIZE)
    assert str(name.value) == (
        f"{longest}y has 32 bytes, but SPIFFS allows 31 for the whole path: shorten the name."
    )
    with pytest.raises(FileSystemFull) as full:
        Spiffs().build({"/a": bytes(100_000), "/b": bytes(200_000)}, SIZE)
    assert str(full.value) == (
        "2 files with 300000 bytes do not fit into the device's SPIFFS of 262144 bytes (it was "
        "full at /b): use fewer or smaller files."
    )
