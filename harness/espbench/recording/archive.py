# SPDX-License-Identifier: MIT
"""The file of a recording: a ZIP with a manifest and a checksum for each member."""

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
"""Increment this when an older espbench would misinterpret an archive."""
MANIFEST = "manifest.json"
FLASH, LOG, CONSOLE = "flash.img", "replay.log", "console.raw"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Metadata of a recording.

    Attributes:
        espbench: version of espbench that made the recording.
        board: name of the board.
        ram: size for QEMU's `-m`, or None.
        qemu: version of the QEMU that recorded.
        boot_arguments: boot arguments of the machine, including the seed.
        shift: see `Recording`.
        captured: whether the network was captured (which queries the time of day).
        subnet, internet, extra: see `Machine`.
        firmware, elf: names of members; the same if the firmware is an ELF.
        test: the recorded test, or "".
        panics: each panic with its decoded backtrace.
        unrepeatable: monitor commands that changed the machine but are not in the log.
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
    """Write an archive atomically; only this user can read it, as it has the device's secrets.

    Raises:
        DiskFull: the disk is full.
        ArchiveError: a file cannot be read or written.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
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
                f"The recording {path.name} could not be written, because the disk of "
                f"{path.parent} is full: free some space there."
            ) from error
        raise ArchiveError(
            f"The recording {path} could not be written: {error.filename or path}: "
            f"{error.strerror}."
        ) from error


def unpack(path: Path, folder: Path) -> Manifest:
    """Check an archive, and write its files into `folder`.

    Raises:
        ArchiveError: the file is missing, not a recording, damaged, or from a newer espbench.
        DiskFull: the disk of `folder` is full.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = parse(archive.read(MANIFEST), path)
            for name, expected in manifest.files.items():
                data = archive.read(name)
                if _sum(data) != expected:
                    raise _damaged(path, f"the checksum of its {name} does not match")
                (folder / name).write_bytes(data)
    except FileNotFoundError:
        raise ArchiveError(f"The recording {path} does not exist: check the path.") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError) as error:
        raise _damaged(path, str(error).strip("\"'")) from error
    except OSError as error:
        if is_disk_full(error):
            raise DiskFull(
                f"The recording does not fit into {folder}, because the disk is full: free some "
                "space there, or point TMPDIR elsewhere."
            ) from error
        raise ArchiveError(f"The recording {path} cannot be read: {error.strerror}.") from error
    return manifest


def parse(data: bytes, path: Path) -> Manifest:
    """Parse the manifest of an archive.

    Raises:
        ArchiveError: the manifest is damaged, or too new.
    """
    try:
        content: dict[str, Any] = json.loads(data)
        number = content.pop("format")
    except (ValueError, KeyError, AttributeError, TypeError):
        raise _damaged(path, "its manifest is invalid") from None
    if not isinstance(number, int) or number > FORMAT:
        raise ArchiveError(
            f"The recording {path} has format {number}, but this espbench only supports up to "
            f"{FORMAT}: use espbench {content.get('espbench', 'that made it')} or newer."
        )
    try:
        manifest = Manifest(**content)
        needed = {FLASH, LOG, CONSOLE, manifest.firmware, manifest.elf}
        complete = needed <= set(manifest.files)
    except TypeError:
        complete = False
    if not complete:
        raise _damaged(path, "its manifest is incomplete")
    if any("/" in name or name.startswith(".") for name in manifest.files):
        raise _damaged(path, "it has a file outside its folder")
    return manifest


def _sum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _damaged(path: Path, why: str) -> ArchiveError:
    return ArchiveError(f"{path} is not an intact recording ({why}): copy the original again.")
