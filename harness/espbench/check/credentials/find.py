# SPDX-License-Identifier: MIT
"""Finds a firmware's certificate and key: in its files, its partitions, or its application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from espbench.check.credentials.application_places import compiled_in
from espbench.check.credentials.partition_places import (
    NVS,
    StoredEntry,
    StoredFile,
    stored_entries,
    stored_files,
)
from espbench.check.credentials.pem import belong_together, is_certificate, is_key
from espbench.check.credentials.place import FilePlace, Place
from espbench.check.errors import NotApplicable
from espbench.flash.littlefs_image import Content, bytes_of
from espbench.flash.partition_table import Partition

__all__ = ["Places", "Sources", "find"]


@dataclass(frozen=True)
class Places:
    """Where a firmware's certificate and key are stored."""

    certificate: Place
    key: Place


@dataclass(frozen=True)
class Sources:
    """Where to look.

    Attributes:
        files: the files that espbench puts on the device, by path.
        image: the firmware's image; empty if it is not in the flash.
        begins_at: where the image's first byte belongs in the flash.
        table: the image's partitions.
        replaced: offset of the partition that `files` replace, or None.
    """

    files: Mapping[str, Content] = field(default_factory=dict)
    image: bytes = b""
    begins_at: int = 0
    table: tuple[Partition, ...] = ()
    replaced: int | None = None

    def given(self) -> list[FilePlace]:
        """Return the files that espbench puts on the device."""
        return [
            FilePlace(path, bytes_of(content))
            for path, content in sorted(self.files.items())
            if not (isinstance(content, Path) and content.is_dir())
        ]

    def stored(self) -> list[StoredFile]:
        """Return the files in the image."""
        table = tuple(each for each in self.table if each.offset != self.replaced)
        return list(stored_files(self.image, self.begins_at, table))

    def entries(self) -> list[StoredEntry]:
        """Return the strings and blobs in the image's NVS."""
        return list(stored_entries(self.image, self.begins_at, self.table))


def find(sources: Sources, certificate: str = "", key: str = "") -> Places:
    """Return where certificate and key are stored.

    Args:
        sources: where to look.
        certificate, key: their paths, or `nvs:NAMESPACE/KEY`, if the profile names them.

    Raises:
        NotApplicable: they are not found.
    """
    certificates = [_named(sources, certificate)] if certificate else []
    keys = [_named(sources, key)] if key else []
    if not (certificates and keys):
        places = _all(sources)
        certificates = certificates or [each for each in places if is_certificate(each.content)]
        keys = keys or [each for each in places if is_key(each.content)]
    if not certificates or not keys:
        missing = "certificate" if not certificates else "private key"
        raise NotApplicable(
            f"No {missing} in PEM was found in the application, in the image's file systems, in "
            "NVS or in --files: if the firmware stores it elsewhere, name certificate and key "
            "under [certificates] in a profile."
        )
    return _pair(certificates, keys)


def _all(sources: Sources) -> list[Place]:
    """Return all places that may have a certificate or key, in the order of preference."""
    return [
        *sources.given(),
        *sources.stored(),
        *sources.entries(),
        *compiled_in(sources.image, sources.begins_at, sources.table),
    ]


def _pair(certificates: Iterable[Place], keys: Iterable[Place]) -> Places:
    """Return the first certificate with its key; the first of each if none belong together."""
    pairs = [Places(certificate, key) for key in keys for certificate in certificates]
    fitting = (p for p in pairs if belong_together(p.certificate.content, p.key.content))
    return next(fitting, pairs[0])


def _named(sources: Sources, name: str) -> Place:
    """Return the place that a profile names; a path may begin with the mount point.

    Raises:
        NotApplicable: it does not exist.
    """
    if name.startswith(NVS):
        for entry in sources.entries():
            if entry.name == name:
                return entry
        raise NotApplicable(
            f"The image's NVS has no string or blob {name.removeprefix(NVS)}: check [certificates] "
            "in the profile."
        )
    path = "/" + name.lstrip("/")
    inside = "/" + path.lstrip("/").partition("/")[2]
    stored = sources.stored()
    for wanted in (path, inside) if inside != "/" else (path,):
        for given in sources.given():
            if given.name == wanted:
                return given
        for file in stored:
            same = file.name.lower() == wanted.lower() if file.system.name == "FAT" else False
            if same or file.name == wanted:
                return file
    if sources.files or not sources.image:
        return FilePlace(path)
    raise NotApplicable(
        f"No file system in the image has {name}: check [certificates] in the profile, or give the "
        "files with --files."
    )
