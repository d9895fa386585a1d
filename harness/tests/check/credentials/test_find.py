# SPDX-License-Identifier: MIT
"""Certificates and keys are found wherever a firmware stores them, and replaced there."""

from __future__ import annotations

import functools

import pytest
from espbench.boards.builtin import BOARDS
from espbench.certs import recipes
from espbench.check.check import NotApplicable
from espbench.check.credentials.find import Places, Sources, find
from espbench.check.credentials.partition_places import StoredFile
from espbench.check.credentials.pem import belong_together, is_certificate, is_key
from espbench.check.credentials.place import Start
from espbench.check.families.certificates import with_recipe
from espbench.device.flash_layout import partitions_of
from espbench.flash import nvs
from espbench.flash.app_image import flaw
from espbench.flash.filesystems.registry import file_system_named
from espbench.flash.partition_table import TABLE_AT, Partition
from tables import made
from tiny_esp32 import loadable

GOOD = recipes()["p256"].files
CERT, KEY = GOOD["servercert.pem"], GOOD["prvtkey.pem"]
OTHER = recipes()["key-of-another"].files
CA = recipes()["p256"].files["trust.pem"]
NVS = Partition("nvs", 1, 2, 0x9000, 0x6000)
FACTORY = Partition("factory", 0, 0, 0x10000, 0x10000)
STORAGE = Partition("storage", 1, 0x82, 0x20000, 0x20000)
OTHER_SUBTYPES = {"SPIFFS": 0x82, "FAT": 0x81, "littlefs": 0x83}


def image(*, application: bytes = b"", files: bytes = b"", entries: bytes = b"") -> bytes:
    """Return a merged image with these partitions."""
    whole = b"\xe9".ljust(TABLE_AT, b"\xff") + made([NVS, FACTORY, STORAGE])
    whole = whole.ljust(NVS.offset, b"\xff") + entries
    whole = whole.ljust(FACTORY.offset, b"\xff") + application
    return whole.ljust(STORAGE.offset, b"\xff") + files


def sources(blob: bytes, **options: object) -> Sources:
    begins_at, table = partitions_of(BOARDS["esp32"].flash, blob)
    return Sources(image=blob, begins_at=begins_at, table=table, **options)  # type: ignore[arg-type]


@functools.cache
def compiled(*texts: bytes) -> bytes:
    """Return an application with texts as EMBED_TXTFILES puts them into its data."""
    described = b"\x32\x54\xcd\xab".ljust(256, b"\0")
    data = described + b"-----BEGIN CERTIFICATE-----\0-----END CERTIFICATE-----\0"
    for text in texts:
        data += text + b"\0" + len(text).to_bytes(4, "little")
    return loadable({0x3F400020: data + b"\0" * (-len(data) % 4), 0x40080000: b"code"}, 0x40080000)


def replaced(where: Sources, name: str) -> Places:
    """Return what is found in an image into which a recipe was put."""
    start = with_recipe(where, find(where), recipes()[name])
    assert start.changed
    return find(sources(bytes(start.image)))


def test_pem() -> None:
    """Labels without a body are not PEM; a key belongs to its own certificate alone."""
    assert is_certificate(b"text\n" + CERT)
    assert is_key(KEY)
    assert not is_key(CERT)
    assert not is_certificate(b"-----BEGIN CERTIFICATE-----\0-----END CERTIFICATE-----\n")
    assert belong_together(CERT, KEY)
    assert not belong_together(CERT, OTHER["prvtkey.pem"])
    assert not belong_together(CA, KEY)
    assert not belong_together(CERT, b"text")
    assert not belong_together(CERT, recipes()["key-encrypted"].files["prvtkey.pem"])
    damaged = recipes()["cert-damaged"].files["servercert.pem"]
    assert not belong_together(damaged, KEY)


def test_compiled_into_the_application() -> None:
    """The application is changed in place, and stays one that the bootloader starts."""
    # That of an RSA key is longer than any with ECDSA signatures, whose length varies.
    cert, key = (recipes()["rsa2048"].files[name] for name in ("servercert.pem", "prvtkey.pem"))
    where = sources(image(application=compiled(cert, key)))
    found = find(where)
    assert (found.certificate.content, found.key.content) == (cert, key)
    assert found.certificate.name.startswith("the application in partition 'factory', at 0x")
    start = with_recipe(where, found, recipes()["expired"])
    assert start.changed
    application = bytes(start.image[FACTORY.offset : STORAGE.offset])
    assert flaw(application) == ""
    assert len(start.image) == len(where.image)
    for file in ("servercert.pem", "prvtkey.pem"):
        assert recipes()["expired"].files[file] + b"\0" in application
    different = [n for n, (a, b) in enumerate(zip(where.image, start.image, strict=True)) if a != b]
    assert FACTORY.offset <= min(different) <= max(different) < STORAGE.offset


def test_missing_in_the_application() -> None:
    """What is missing is all NUL, and what is shorter is padded with NULs."""
    where = sources(image(application=compiled(CERT, KEY)))
    found = find(where)
    start = with_recipe(where, found, recipes()["cert-missing"])
    at = bytes(where.image).index(CERT)
    assert bytes(start.image[at : at + len(CERT)]) == bytes(len(CERT))
    assert KEY in start.image
    start = with_recipe(where, found, recipes()["cert-text"])
    text = recipes()["cert-text"].files["servercert.pem"]
    assert bytes(start.image[at : at + len(CERT)]) == text.ljust(len(CERT), b"\0")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "chain-too-large",
            r"The application has room for \d+ bytes where it contains this file, and \d+ are "
            r"needed\.",
        ),
        ("cert-unreadable", r"PEM in the application cannot be a folder\."),
    ],
)
def test_impossible_in_the_application(name: str, reason: str) -> None:
    """What does not fit is not applicable, and nothing is changed."""
    where = sources(image(application=compiled(CERT, KEY)))
    with pytest.raises(NotApplicable, match=reason):
        with_recipe(where, find(where), recipes()[name])


@pytest.mark.parametrize(
    "texts", [(CA, CERT, KEY), (CERT, CA, KEY), (OTHER["prvtkey.pem"], CA, CERT, KEY)]
)
def test_several_in_the_application(texts: tuple[bytes, ...]) -> None:
    """The pair that belongs together is taken, not an authority or another key."""
    found = find(sources(image(application=compiled(*texts))))
    assert (found.certificate.content, found.key.content) == (CERT, KEY)


def test_chain_in_the_application() -> None:
    """Certificates that follow each other are one place."""
    found = find(sources(image(application=compiled(CERT + CA, KEY))))
    assert found.certificate.content == CERT + CA


@pytest.mark.parametrize("name", OTHER_SUBTYPES)
def test_file_system_in_the_image(name: str) -> None:
    """Files in a partition are found by their content, and the partition is built again."""
    system = file_system_named(name)
    content = {"/certs/a.crt": CERT, "/certs/a.key": KEY, "/index.htm": b"page"}
    where = sources(image(files=system.build(content, STORAGE.size)))
    found = find(where)
    assert (found.certificate.name, found.key.name) == ("/certs/a.crt", "/certs/a.key")
    again = replaced(where, "expired")
    assert again.certificate.content == recipes()["expired"].files["servercert.pem"]
    start = with_recipe(where, found, recipes()["cert-missing"])
    left = system.read(bytes(start.image[STORAGE.offset : STORAGE.end]))
    missing = recipes()["cert-missing"].files["prvtkey.pem"]
    assert left == {"/certs/a.key": missing, "/index.htm": b"page"}
    if system.has_folders:
        start = with_recipe(where, found, recipes()["cert-unreadable"])
        left = system.read(bytes(start.image[STORAGE.offset : STORAGE.end]))
        assert "/certs/a.crt/placeholder" in left
    else:
        with pytest.raises(NotApplicable, match="SPIFFS has no folders"):
            with_recipe(where, found, recipes()["cert-unreadable"])


def test_full_file_system() -> None:
    """A case for which the partition is too small is not applicable."""
    system = file_system_named("SPIFFS")
    content = {"/a.crt": CERT, "/a.key": KEY, "/fill": bytes(0x1C000)}
    where = sources(image(files=system.build(content, STORAGE.size)))
    with pytest.raises(NotApplicable, match="do not fit into the device's SPIFFS"):
        with_recipe(where, find(where), recipes()["chain-too-large"])


@pytest.mark.parametrize("kind", [nvs.STRING, nvs.BLOB])
def test_nvs(kind: str) -> None:
    """Strings and blobs are found and replaced; all other entries stay."""
    end = b"\0" if kind == nvs.BLOB else b""
    entries = [
        nvs.Entry("wifi", "n", "u8", b"7"),
        nvs.Entry("tls", "cert", kind, CERT + end),
        nvs.Entry("tls", "key", kind, KEY + end),
    ]
    where = sources(image(entries=nvs.build(entries, NVS.size)))
    found = find(where)
    assert (found.certificate.name, found.key.name) == ("nvs:tls/cert", "nvs:tls/key")
    assert found == find(where, "nvs:tls/cert", "nvs:tls/key")
    expired = recipes()["expired"]
    start = with_recipe(where, found, expired)
    left = {each.name: each.value for each in nvs.read(bytes(start.image[NVS.offset : NVS.end]))}
    assert left == {
        "wifi/n": b"7",
        "tls/cert": expired.files["servercert.pem"] + end,
        "tls/key": expired.files["prvtkey.pem"] + end,
    }
    start = with_recipe(where, found, recipes()["key-missing"])
    left = {each.name: each.value for each in nvs.read(bytes(start.image[NVS.offset : NVS.end]))}
    assert set(left) == {"wifi/n", "tls/cert"}
    with pytest.raises(NotApplicable, match="An entry of NVS cannot be a folder"):
        with_recipe(where, found, recipes()["cert-unreadable"])


def test_too_large_for_nvs() -> None:
    """A string of NVS has less than 4000 bytes."""
    entries = [nvs.Entry("t", "c", nvs.STRING, CERT), nvs.Entry("t", "k", nvs.STRING, KEY)]
    where = sources(image(entries=nvs.build(entries, NVS.size)))
    with pytest.raises(NotApplicable, match="t/c does not fit into an NVS partition"):
        with_recipe(where, find(where), recipes()["chain-too-large"])


def test_order() -> None:
    """The pair that belongs together wins over a certificate that a file system has."""
    files = file_system_named("SPIFFS").build({"/ca.pem": CA}, STORAGE.size)
    where = sources(image(application=compiled(CERT, KEY), files=files))
    assert find(where).certificate.content == CERT
    files = file_system_named("SPIFFS").build({"/a.crt": CERT, "/a.key": KEY}, STORAGE.size)
    where = sources(image(application=compiled(CERT, KEY), files=files))
    assert isinstance(find(where).certificate, StoredFile)


def test_one_name_in_a_profile() -> None:
    """If a profile names one of both, the other is the one that belongs to it."""
    content = {"/a.crt": CERT, "/a.key": OTHER["prvtkey.pem"], "/b.key": KEY}
    where = sources(image(files=file_system_named("SPIFFS").build(content, STORAGE.size)))
    for places in (find(where, certificate="/a.crt"), find(where, key="/b.key")):
        assert (places.certificate.name, places.key.name) == ("/a.crt", "/b.key")
    assert find(where, key="/a.key").certificate.name == "/a.crt"


def test_names_of_a_profile() -> None:
    """A path may have the mount point, and on FAT either case; a wrong one is one sentence."""
    spiffs = file_system_named("SPIFFS").build({"/a.crt": b"x", "/a.key": b"y"}, STORAGE.size)
    where = sources(image(files=spiffs))
    for prefix in ("", "/", "/spiffs/"):
        found = find(where, f"{prefix}a.crt", f"{prefix}a.key")
        assert (found.certificate.name, found.key.content) == ("/a.crt", b"y")
    with pytest.raises(NotApplicable) as caught:
        find(where, "/A.CRT", "/a.key")
    assert str(caught.value) == (
        "No file system in the image has /A.CRT: check [certificates] in the profile, or give the "
        "files with --files."
    )
    with pytest.raises(NotApplicable) as caught:
        find(where, "nvs:tls/cert", "nvs:tls/key")
    assert str(caught.value) == (
        "The image's NVS has no string or blob tls/cert: check [certificates] in the profile."
    )
    fat = file_system_named("FAT").build({"/a.crt": b"x", "/a.key": b"y"}, STORAGE.size)
    assert find(sources(image(files=fat)), "/sd/A.CRT", "A.KEY").certificate.content == b"x"


def test_files_replace_a_partition() -> None:
    """Files that espbench puts on the device hide what the image has in their partition."""
    spiffs = file_system_named("SPIFFS").build({"/a.crt": CERT, "/a.key": KEY}, STORAGE.size)
    where = sources(image(files=spiffs), files={"/page": b""}, replaced=STORAGE.offset)
    with pytest.raises(NotApplicable, match="No certificate in PEM was found"):
        find(where)


def test_not_found() -> None:
    """What is missing is named."""
    with pytest.raises(NotApplicable, match="No certificate in PEM"):
        find(sources(image()))
    with pytest.raises(NotApplicable, match="No private key in PEM"):
        find(sources(image(application=compiled(CERT))))
    damaged = bytearray(image(application=compiled(CERT, KEY)))
    damaged[FACTORY.offset + 100] ^= 1
    with pytest.raises(NotApplicable, match="No certificate"):
        find(sources(bytes(damaged)))


def test_start_grows() -> None:
    """Writing behind the image's end fills the gap with erased flash."""
    start = Start({}, bytearray(b"ab"))
    start.write(4, b"x")
    assert start.image == b"ab\xff\xffx"
