# SPDX-License-Identifier: MIT
"""`check_match`, `beside` and `matching`: which ELF file belongs to the firmware that boots.

ESP-IDF writes the SHA-256 of the ELF file into the application. Where it differs (the ELF file was
stripped, or written again), the code decides: the same code has the same addresses.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from espbench.errors import ImageError, NotInspectable
from espbench.flash import app_image
from espbench.flash.software import applications

__all__ = ["beside", "check_match", "matching"]

UNREADABLE = (ELFError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
"""What pyelftools raises for a file that is not what its headers say."""


def check_match(elf: Path, firmware: Path) -> None:
    """Check that an ELF file describes the code of a firmware.

    Args:
        elf: the ELF file.
        firmware: what boots: a flash image with a partition table, or an ELF file.

    Raises:
        NotInspectable: it belongs to another build.
        OSError: a file cannot be read.
    """
    if elf.absolute() == firmware.absolute():
        return
    blob = firmware.read_bytes()
    if blob.startswith(b"\x7fELF"):
        same = elf.read_bytes() == blob  # also one that has no sections
        matches = same or _same_code(_code(elf), _segments_of_elf(blob))
    else:
        candidates = list(applications(blob))
        if not candidates:
            return  # the image has no partition table, so nothing can be compared
        digest = hashlib.sha256(elf.read_bytes()).digest()
        matches = any(app_image.elf_sha256(each) == digest for each in candidates)
        matches = matches or any(_same_code(_code(elf), _segments(each)) for each in candidates)
    if not matches:
        raise NotInspectable(
            f"{elf.name} comes from a different build than {firmware.name}: its code differs. "
            "Build both again, or name the right ELF file with --firmware-elf (pytest: "
            "--espbench-firmware-elf, Device: elf)."
        )


def beside(firmware: Path) -> tuple[Path | None, str]:
    """Return the ELF file beside a firmware, and why one with its name is ignored; or "".

    That is the `.elf` file with its name, unless it belongs to another build, else the one that the
    application was made of. Debugging information of another build decodes to wrong names.

    Raises:
        OSError: a file cannot be read.
    """
    sibling = firmware.with_suffix(".elf")
    if not sibling.is_file():
        return matching(firmware), ""
    try:
        check_match(sibling, firmware)
    except NotInspectable:
        found = matching(firmware)
        if found is not None:
            return found, ""
        with firmware.open("rb") as file:
            has_symbols = file.read(4) == b"\x7fELF"
        without = "" if has_symbols else ", and panics and the heap are not decoded"
        return None, (
            f"{sibling.name} beside {firmware.name} comes from a different build, so it is "
            f"ignored{without}: build both again, or name the right ELF file with --firmware-elf "
            "(pytest: --espbench-firmware-elf, Device: elf)."
        )
    return sibling, ""


def matching(firmware: Path) -> Path | None:
    """Return the ELF file in a firmware's folder that its application was made of, by SHA-256.

    ESP-IDF's build writes `build/PROJECT.elf`, and `idf.py merge-bin` writes an image of another
    name beside it.

    Raises:
        OSError: a file cannot be read.
    """
    blob = firmware.read_bytes()
    digests = {app_image.elf_sha256(each) for each in applications(blob)} - {b""}
    for path in sorted(firmware.parent.glob("*.elf")) if digests else ():
        if path.is_file() and hashlib.sha256(path.read_bytes()).digest() in digests:
            return path
    return None


def _segments(application: bytes) -> list[tuple[int, bytes]]:
    """Return the segments with adjacent ones joined, because esptool splits them.

    It fills the gaps before segments that the cache maps, which need an alignment of 64 KiB in
    flash, with pieces of those in RAM (`elf2image`).
    """
    try:
        segments = sorted(app_image.segments(application), key=lambda segment: segment[0])
    except ImageError:
        return []
    joined: list[tuple[int, bytes]] = []
    for address, content in segments:
        if joined and joined[-1][0] + len(joined[-1][1]) == address:
            address, content = joined[-1][0], joined.pop()[1] + content
        joined.append((address, content))
    return joined


def _segments_of_elf(blob: bytes) -> list[tuple[int, bytes]]:
    try:
        elf = ELFFile(io.BytesIO(blob))
        return [
            (segment["p_vaddr"], segment.data())
            for segment in elf.iter_segments()
            if segment["p_type"] == "PT_LOAD"
        ]
    except UNREADABLE:
        return []


def _code(elf: Path) -> list[tuple[int, bytes]]:
    """Return address and content of each section with instructions; empty for another file."""
    try:
        with elf.open("rb") as file:
            return [
                (section["sh_addr"], section.data())
                for section in ELFFile(file).iter_sections()
                if section["sh_type"] == "SHT_PROGBITS"
                and section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR
                and section["sh_size"]
            ]
    except UNREADABLE:
        return []


def _same_code(code: list[tuple[int, bytes]], segments: list[tuple[int, bytes]]) -> bool:
    return bool(code) and all(
        any(
            start <= address and data == content[address - start : address - start + len(data)]
            for start, content in segments
        )
        for address, data in code
    )
