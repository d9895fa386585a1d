# SPDX-License-Identifier: MIT
"""Certificates and keys in the image's data partitions: files, and entries of NVS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from espbench.check.credentials.place import Start, whole
from espbench.check.errors import NotApplicable
from espbench.errors import ImageError
from espbench.flash import nvs
from espbench.flash.filesystems.protocol import FileSystem
from espbench.flash.filesystems.registry import file_system_named, format_of, may_have_files
from espbench.flash.partition_table import Partition

__all__ = ["NVS", "StoredEntry", "StoredFile", "stored_entries", "stored_files"]

NVS = "nvs:"
"""Prefix of an entry of NVS, as profiles name it: `nvs:NAMESPACE/KEY`."""


@dataclass(frozen=True)
class StoredFile:
    """A file in a partition that the image contains.

    Attributes:
        partition: the partition.
        offset: its first byte in the image.
        system: its file system.
        name: the file's path.
        content: the file's content.
    """

    partition: Partition
    offset: int
    system: FileSystem
    name: str
    content: bytes

    def put(self, start: Start, made: Mapping[str, bytes]) -> None:
        """Build the partition again with another file; see `Place`."""
        if any(made) and not self.system.has_folders:
            raise NotApplicable(f"{self.system.name} has no folders.")
        old = bytes(start.image[self.offset : self.offset + self.partition.size])
        files = {path: data for path, data in self.system.read(old).items() if path != self.name}
        files |= {self.name + suffix: data for suffix, data in made.items()}
        try:
            built = self.system.build(dict(sorted(files.items())), self.partition.size, old)
        except ImageError as error:
            raise NotApplicable(str(error)) from error
        start.write(self.offset, built)


@dataclass(frozen=True)
class StoredEntry:
    """A string or blob in an NVS partition that the image contains.

    Attributes:
        partition: the partition.
        offset: its first byte in the image.
        entry: the entry.
    """

    partition: Partition
    offset: int
    entry: nvs.Entry

    @property
    def name(self) -> str:
        """Its name, as in `nvs:tls/cert`."""
        return NVS + self.entry.name

    @property
    def content(self) -> bytes:
        """The value, without a NUL at its end."""
        return self.entry.value.rstrip(b"\0")

    def put(self, start: Start, made: Mapping[str, bytes]) -> None:
        """Build the partition again with another value; see `Place`."""
        value = whole(made, "An entry of NVS")
        old = bytes(start.image[self.offset : self.offset + self.partition.size])
        entries = [each for each in nvs.read(old) if each.name != self.entry.name]
        if value is not None:
            # Mbed TLS wants the NUL at the end of PEM, so the blob that had one gets one again.
            end = b"\0" if self.entry.value.endswith(b"\0") else b""
            entries.append(replace(self.entry, value=value + end))
        try:
            start.write(self.offset, nvs.build(entries, self.partition.size))
        except ImageError as error:
            raise NotApplicable(str(error)) from error


def stored_files(
    image: bytes, begins_at: int, table: tuple[Partition, ...]
) -> Iterator[StoredFile]:
    """Yield the files in the partitions of an image; damaged partitions are left out.

    Args:
        image: the image.
        begins_at: where its first byte belongs in the flash.
        table: the image's partitions.
    """
    for partition in filter(may_have_files, table):
        data = partition.content(image, begins_at)
        if len(data) < partition.size:
            continue
        # A FAT that has long names keeps them, whether the firmware understands them or not.
        system = file_system_named(format_of(partition, data, image).split()[0])
        if not system.recognises(data):
            continue
        try:
            found = system.read(data)
        except ImageError:
            continue
        for path, content in found.items():
            yield StoredFile(partition, partition.offset - begins_at, system, path, content)


def stored_entries(
    image: bytes, begins_at: int, table: tuple[Partition, ...]
) -> Iterator[StoredEntry]:
    """Yield the strings and blobs in the NVS partitions of an image; see `stored_files`."""
    for partition in table:
        if partition.is_data and partition.subtype == nvs.SUBTYPE:
            for entry in nvs.read(partition.content(image, begins_at)):
                if entry.kind in (nvs.STRING, nvs.BLOB):
                    yield StoredEntry(partition, partition.offset - begins_at, entry)
