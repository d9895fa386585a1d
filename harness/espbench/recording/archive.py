# SPDX-License-Identifier: MIT
"""The file that a recording is kept in: a ZIP with a manifest, and a check sum for each member."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from espbench.errors import ArchiveError, DiskFull, is_disk_full

FORMAT = 1
"""Count up when an older espbench would misunderstand an archive."""
MANIFEST = "manifest.json"
FLASH, LOG, CONSOLE = "flash.img", "replay.log", "console.raw"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What is known of a recording, besides its files.

    Attributes:
        espbench: version that made it.
        board: name.
        ram: as QEMU's `-m`, or None.
        qemu: version of the QEMU that recorded.
        boot_arguments: those of the machine, the seed included.
        shift: of the guest's clock.
        captured: whether the network was captured (which asks QEMU for the time of day).
        subnet, internet, extra: as in `Machine`.
        firmware, elf: names of members; the same when the firmware is an ELF.
        test: the test that was recorded, or "".
        panics: each panic with its decoded backtrace.
        unrepeatable: monitor commands that changed the machine, and are not in the log.
        ended: how the recorded QEMU ended, completing "QEMU ...".
        files: SHA-256 by member.
    """

    espbench: str
    board: str
    ram: str | None
    qemu: str
    boot_arguments: dict[str, str]
    shift: int
    captured: bool
    subnet: str | None
    internet: bool
    extra: list[str]
    firmware: str
    elf: str
    test: str
    panics: list[str]
    unrepeatable: list[str]
    ended: str
    files: dict[str, str] = field(default_factory=dict)


def write(path: Path, manifest: Manifest, files: Mapping[str, Path]) -> None:
    """Write an archive, all of it or nothing.

    Raises:
        DiskFull: there is no room for it.
        ArchiveError: a file cannot be read or written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sums = {name: _sum(file.read_bytes()) for name, file in files.items()}
        content = {"format": FORMAT, **asdict(manifest), "files": sums}
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            archive.writestr(MANIFEST, json.dumps(content, indent=1) + "\n")
            for name, file in files.items():
                archive.write(file, name)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        if is_disk_full(error):
            raise DiskFull(
                f"The disk of {path.parent} is full, so the recording {path.name} is missing: "
                "free some space there."
            ) from error
        raise ArchiveError(
            f"The recording {path} could not be written: {error.filename or path}: "
            f"{error.strerror}."
        ) from error


def unpack(path: Path, folder: Path) -> Manifest:
    """Check an archive, and write its files into `folder`.

    Raises:
        ArchiveError: it is none, damaged, or made by a newer espbench.
        DiskFull: there is no room for the files.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = parse(archive.read(MANIFEST), path)
            for name, expected in manifest.files.items():
                data = archive.read(name)
                if _sum(data) != expected:
                    raise _damaged(path, f"its {name} is not what was recorded")
                (folder / name).write_bytes(data)
    except FileNotFoundError:
        raise ArchiveError(f"There is no recording {path}: check the path.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError) as error:
        raise _damaged(path, str(error).strip("\"'")) from error
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull(
                f"The recording does not fit into {folder}: the disk is full. Free some space "
                "there, or point TMPDIR elsewhere."
            ) from error
        raise ArchiveError(f"The recording {path} cannot be read: {error.strerror}.") from error
    return manifest


def parse(data: bytes, path: Path) -> Manifest:
    """Return the manifest in these bytes of an archive.

    Raises:
        ArchiveError: it is damaged, or too new.
    """
    try:
        content: dict[str, Any] = json.loads(data)
        number = content.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise _damaged(path, "its manifest is none") from None
    if not isinstance(number, int) or number > FORMAT:
        raise ArchiveError(
            f"The recording {path} has format {number}, and this espbench knows up to {FORMAT}: "
            f"use espbench {content.get('espbench', 'that made it')} or newer."
        )
    try:
        manifest = Manifest(**content)
        needed = {FLASH, LOG, CONSOLE, manifest.firmware, manifest.elf}
        complete = needed <= set(manifest.files)
    except TypeError:
        complete = False
    if not complete:
        raise _damaged(path, "its manifest is not complete")
    if any("/" in name or name.startswith(".") for name in manifest.files):
        raise _damaged(path, "it has a file that would lie elsewhere")
    return manifest


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _damaged(path: Path, why: str) -> ArchiveError:
    return ArchiveError(
        f"{path} is no intact recording ({why}): copy it again from where it was made."
    )
