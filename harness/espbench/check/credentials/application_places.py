# SPDX-License-Identifier: MIT
"""Certificates and keys that are compiled into an application, such as by EMBED_TXTFILES."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from espbench.check.credentials.pem import TEXT
from espbench.check.credentials.place import Start, whole
from espbench.check.errors import NotApplicable
from espbench.flash import app_image
from espbench.flash.partition_table import Partition

__all__ = ["CompiledIn", "compiled_in"]


@dataclass(frozen=True)
class CompiledIn:
    """PEM in an application.

    Attributes:
        partition: the application's partition.
        offset: the partition's first byte in the image.
        at: the PEM's first byte in the application.
        content: the PEM, possibly several certificates.
    """

    partition: Partition
    offset: int
    at: int
    content: bytes

    @property
    def name(self) -> str:
        """Where it is."""
        return f"the application in partition {self.partition.label!r}, at {self.at:#x}"

    def put(self, start: Start, made: Mapping[str, bytes]) -> None:
        """Overwrite the PEM, padded with NULs, and the application's checksums; see `Place`."""
        data = whole(made, "PEM in the application") or b""
        room = len(self.content)
        if len(data) > room:
            raise NotApplicable(
                f"The application has room for {room} bytes where it contains this file, and "
                f"{len(data)} are needed."
            )
        application = start.image[self.offset : self.offset + self.partition.size]
        application[self.at : self.at + room] = data.ljust(room, b"\0")
        start.write(self.offset, app_image.with_checksums(bytes(application)))


def compiled_in(image: bytes, begins_at: int, table: tuple[Partition, ...]) -> Iterator[CompiledIn]:
    """Yield the PEM in the applications of an image.

    Args:
        image: the image.
        begins_at: where its first byte belongs in the flash.
        table: the image's partitions.
    """
    for partition in table:
        application = partition.content(image, begins_at)
        if not partition.is_application or not app_image.is_application(application):
            continue
        if app_image.flaw(application):
            continue
        end = app_image.size(application)[0]
        for match in TEXT.finditer(application, 0, end):
            yield CompiledIn(partition, partition.offset - begins_at, match.start(), match[0])
