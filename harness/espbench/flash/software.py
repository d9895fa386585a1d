# SPDX-License-Identifier: MIT
"""`software`: the versions that a firmware itself names: of the application, ESP-IDF, MicroPython.

ESP-IDF describes an application in `esp_app_desc_t`, which begins the first segment
(components/esp_app_format/include/esp_app_desc.h). MicroPython's version is in `sys.version`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from espbench.errors import ImageError
from espbench.flash import app_image, partition_table

__all__ = [
    "SOFTWARE",
    "Description",
    "applications",
    "described",
    "micropython_version",
    "software",
]

SOFTWARE = ("application", "ESP-IDF", "MicroPython")
"""The keys of `software`, in the order in which reports show them."""
STARTS = (0, 0x1000)
"""Offsets in flash at which images begin: that of a whole flash, and the bootloader's."""
ERASED = b"\xff"
_VERSION, _PROJECT, _IDF = 16, 48, 112
"""Offsets of `version`, `project_name` and `idf_ver` in `esp_app_desc_t`, from its magic word."""
_LENGTH = 32
"""Bytes of each, with a NUL at the end unless it is full."""
_MICROPYTHON = re.compile(rb"MicroPython (v(\d+)\.(\d+)[\w.+-]*) on \d{4}-\d\d-\d\d")
"""MICROPY_BANNER_NAME_AND_VERSION (py/mpconfig.h)."""


@dataclass(frozen=True)
class Description:
    """What an application says about itself; "" for what it does not say.

    Attributes:
        project: name of the project.
        version: its version, usually from `git describe`.
        idf: version of ESP-IDF, such as "v5.4.1".
    """

    project: str
    version: str
    idf: str


def micropython_version(blob: bytes) -> tuple[int, int]:
    """Return the version of the MicroPython in an image, such as (1, 27); (0, 0) without one."""
    found = _MICROPYTHON.search(blob)
    if found is None:
        return 0, 0
    return int(found[2]), int(found[3])


def applications(blob: bytes) -> Iterator[bytes]:
    """Yield the content of each partition for an application in a flash image, unless erased."""
    for start in STARTS:
        try:
            table = partition_table.of_image(blob, start)
        except ImageError:
            continue
        for partition in table:
            content = partition.content(blob, start)
            if partition.is_application and content.strip(ERASED):
                yield content


def described(application: bytes) -> Description | None:
    """Return an application's description; None if it has none.

    Args:
        application: data from its first byte on.
    """
    if not app_image.is_application(application):
        return None
    start = app_image.DESCRIPTION_AT
    return Description(
        *(_text(application[start + at :][:_LENGTH]) for at in (_PROJECT, _VERSION, _IDF))
    )


def software(firmware: Path) -> dict[str, str]:
    """Return the versions that a firmware names, by the keys in `SOFTWARE`; none is an error.

    Args:
        firmware: a flash image, or an ELF file.

    Raises:
        OSError: it cannot be read.
    """
    blob = firmware.read_bytes()
    found: dict[str, str] = {}
    for application in applications(blob):
        if it := described(application):
            found["application"] = f"{it.project} {it.version}".strip()
            found["ESP-IDF"] = it.idf
            break
    if match := _MICROPYTHON.search(blob):
        found["MicroPython"] = match[1].decode()
    return {name: text for name, text in found.items() if text}


def _text(field: bytes) -> str:
    text = field.split(b"\0")[0].decode(errors="replace")
    return "".join(each for each in text if each.isprintable())
