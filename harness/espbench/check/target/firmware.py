# SPDX-License-Identifier: MIT
"""`Firmware`: what is checked, and how to boot it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from espbench.boards.board import Board
from espbench.boards.firmware_options import files_in, parse_readiness
from espbench.boards.readiness import Readiness
from espbench.check.credentials.find import Sources
from espbench.check.profile import Profile
from espbench.check.target.image import paths_in
from espbench.device.flash_layout import fit, partitions_of
from espbench.errors import ConfigError
from espbench.flash.littlefs_image import Content, bytes_of

__all__ = ["Firmware", "described"]

TEXTS = (".py", ".html", ".js", ".json")
"""Files of the device in which URL paths are looked for."""


@dataclass(frozen=True)
class Firmware:
    """A firmware, and how to boot it.

    Attributes:
        board, image: the board and the image.
        elf: its ELF file; None for the one beside it.
        files: content of the device's file system, by path.
        files_partition: label of its partition; "" for the only one.
        ready: when it is ready; None to find out.
        ready_timeout: seconds (before scaling) until then; None for the board's.
        profile: what the user said about it.
    """

    board: Board
    image: Path
    elf: Path | None = None
    files: Mapping[str, Content] = field(default_factory=dict)
    ready: Readiness | None = None
    ready_timeout: float | None = None
    profile: Profile = field(default_factory=Profile)
    files_partition: str = ""

    def sources(self) -> Sources:
        """Return where the certificate and the key may be stored."""
        flash = self.board.flash
        if flash.firmware_at is None:
            return Sources(self.files)
        image = self.image.read_bytes()
        begins_at, table = partitions_of(flash, image)
        replaced = fit(flash, image, self.files_partition).start if self.files else None
        return Sources(self.files, image, begins_at, table, replaced)

    def paths(self) -> list[str]:
        """Return strings in the image and in its files that look like URL paths."""
        blobs = [self.image.read_bytes()]
        for name, content in self.files.items():
            if name.endswith(TEXTS):
                blobs.append(bytes_of(content))
        return paths_in(blobs)


def described(
    board: Board,
    image: Path,
    profile: Profile,
    *,
    elf: Path | None = None,
    files: Path | None = None,
    files_partition: str = "",
    ready: Readiness | None = None,
    ready_timeout: float | None = None,
    ports: Mapping[str, int] | None = None,
    content: Mapping[str, Content] | None = None,
) -> Firmware:
    """Return a firmware by what options and a profile say; options win.

    Args:
        board, image, profile: the board, the image, and what the profile says.
        elf, files, files_partition, ready, ready_timeout, ports: what options say; None or "":
            nothing.
        content: files of the device in any case.

    Raises:
        ConfigError: a file or folder does not exist, or the profile contradicts itself.
    """
    elf = profile.elf if elf is None else elf
    if elf is not None and not elf.is_file():
        raise ConfigError(f"The ELF file {elf} does not exist: check its path.")
    folder = profile.files if files is None else files
    found = dict(content or {})
    if folder is not None:
        found |= files_in(folder, "--files")
    if ready is None:
        ready = parse_readiness(profile.ready_console, profile.ready_http)
    timeout = profile.ready_timeout if ready_timeout is None else ready_timeout
    if ports is not None:
        profile = replace(profile, ports=ports)
    partition = files_partition or profile.files_partition
    return Firmware(board, image, elf, found, ready, timeout, profile, partition)
