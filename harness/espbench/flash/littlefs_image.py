# SPDX-License-Identifier: MIT
"""Builds and reads flash images: the files that a device starts with, and those it leaves.

Images are built once per content and kept in the user's cache; each device gets its own copy, so
nothing shared is ever written to.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from espbench.errors import (
    BadFileName,
    ConfigError,
    DiskFull,
    ImageError,
    is_disk_full,
)
from espbench.flash.filesystems.littlefs import NAME_MAX
from espbench.flash.filesystems.registry import file_system_in
from espbench.flash.geometry import Flash

Content = bytes | str | Path
"""A file's content: bytes, text (UTF-8), or a file or folder of the host."""

FORMAT = 1
"""Part of the cache key: increment it when the same content gives a different image."""
KEEP = 200
"""Number of images to keep in the cache."""


def normalise(files: Mapping[str, Content]) -> dict[str, bytes]:
    """Return the content of each file by its absolute path on the device.

    A folder of the host stands for all files in it.

    Raises:
        BadFileName: the device's file system cannot hold a name, or two names conflict.
        ImageError: a file of the host cannot be read.
    """
    found: dict[str, bytes] = {}
    for name, content in files.items():
        for path, data in _expand(name, content):
            if path in found:
                raise BadFileName(f"Two files have the path {path}: remove one of them.")
            found[path] = data
    for path in found:
        for parent in PurePosixPath(path).parents:
            if str(parent) in found:
                raise BadFileName(
                    f"{parent} is a file, so {path} cannot be in it: rename one of them."
                )
    return dict(sorted(found.items()))


def _expand(name: str, content: Content) -> Iterator[tuple[str, bytes]]:
    if isinstance(content, Path) and content.is_dir():
        for child in sorted(content.rglob("*")):
            if child.is_file():
                below = child.relative_to(content).as_posix()
                yield check_name(f"{name}/{below}"), bytes_of(child)
    else:
        yield check_name(name), bytes_of(content)


def bytes_of(content: Content) -> bytes:
    """Return the bytes of a file's content.

    Raises:
        ImageError: a file of the host cannot be read, or is a folder.
    """
    if not isinstance(content, Path):
        return content.encode() if isinstance(content, str) else content
    try:
        return content.read_bytes()
    except OSError as error:
        raise ImageError(f"{content} cannot be read ({error.strerror}): check the path.") from error


def check_name(name: str) -> str:
    """Return `name` as an absolute path on the device.

    Raises:
        BadFileName: the device's file system cannot hold the name.
    """
    parts = [part for part in name.split("/") if part]
    if not parts:
        raise BadFileName(f"{name!r} is not a file name: give a path such as /main.py.")
    for part in parts:
        if part in (".", ".."):
            raise BadFileName(f"{name!r} contains {part!r}: give the path without it.")
        if "\0" in part:
            raise BadFileName(f"{name!r} contains a NUL character: give the path without it.")
        if len(part.encode()) > NAME_MAX:
            raise BadFileName(
                f"{part[:20]}... has {len(part.encode())} bytes, but the device's file system "
                f"allows {NAME_MAX}: shorten the name."
            )
    return "/" + "/".join(parts)


@dataclass(frozen=True)
class Image:
    """The content of a flash image.

    Attributes:
        flash: the geometry.
        files: content by absolute path; see `normalise`.
        firmware: the data at `flash.firmware_at`, if that is set.
        arguments: the boot arguments at `flash.arguments_at`, if that is set.
    """

    flash: Flash
    files: Mapping[str, bytes]
    firmware: bytes = b""
    arguments: str = ""

    def key(self) -> str:
        """Return a hash of everything that the image's content depends on."""
        digest = hashlib.sha256(repr((FORMAT, self.flash)).encode())
        for name, data in sorted(self.files.items()):
            for piece in (name.encode(), data):
                digest.update(len(piece).to_bytes(8, "little"))
                digest.update(piece)
        digest.update(len(self.arguments).to_bytes(8, "little"))
        digest.update(self.arguments.encode())
        digest.update(self.firmware)
        return digest.hexdigest()

    def build(self) -> bytes:
        """Build the image.

        A firmware that extends into the file system contains one: it is kept unless there are
        files.

        Raises:
            FileSystemFull: the files do not fit.
            BadFileName: the file system cannot hold a name.
            ImageError: the firmware does not fit.
            ConfigError: the boot arguments do not fit.
        """
        flash = self.flash
        image = bytearray(b"\xff") * flash.size
        end = 0
        if flash.firmware_at is not None:
            end = flash.firmware_at + len(self.firmware)
            if end > flash.size:
                raise ImageError(
                    f"The firmware of {len(self.firmware)} bytes does not fit into a flash of "
                    f"{flash.size} bytes: make it smaller."
                )
            image[flash.firmware_at : end] = self.firmware
        if flash.length and (self.files or (flash.formatted and end <= flash.start)):
            part = slice(flash.start, flash.start + flash.length)
            built = file_system_in(flash).build(self.files, flash.length, bytes(image[part]))
            image[part] = built
        if flash.arguments_at is not None:
            room = slice(flash.arguments_at, flash.arguments_at + flash.arguments_length)
            image[room] = _arguments(self.arguments, flash.arguments_length)
        return bytes(image)

    def write_to(self, path: Path, cache: Path | None = None) -> None:
        """Write the image to `path`, from the cache if it has been built before.

        Args:
            path: a new file.
            cache: folder of the cache, by default the user's.

        Raises:
            ImageError: see `build`; or the file cannot be written.
            ConfigError: see `build`.
            DiskFull: the disk is full.
        """
        folder = default_cache() if cache is None else cache
        cached = folder / f"{self.key()}.img"
        try:
            data = cached.read_bytes()
            with contextlib.suppress(OSError):
                os.utime(cached)  # Marks it as recently used.
        except OSError:
            data = b""
        if len(data) != self.flash.size:
            data = self.build()
            # The cache only saves time: a read-only or full one must not fail a test.
            with contextlib.suppress(OSError):
                _store(data, cached)
        try:
            write_new(data, path)
        except OSError as error:
            path.unlink(missing_ok=True)
            if is_disk_full(error):
                raise DiskFull(
                    f"The flash image does not fit into {path.parent}, because the disk is full: "
                    "free some space there, or point TMPDIR elsewhere."
                ) from error
            raise ImageError(
                f"{path} cannot be written ({error.strerror}): point TMPDIR to a writable folder."
            ) from error


def _arguments(line: str, room: int) -> bytes:
    """Return the boot arguments as the guest reads them: text, NUL, erased flash."""
    text = line.encode() + b"\0"
    if len(text) > room:
        raise ConfigError(
            f"The boot arguments take {len(text)} bytes, but the flash has room for {room}: give "
            "fewer or shorter ones."
        )
    return text.ljust(room, b"\xff")


def read_files(image: bytes, flash: Flash) -> dict[str, bytes]:
    """Return the files in an image, for instance one that a device has written to.

    Raises:
        ImageError: the image has no intact file system.
    """
    if not flash.length:
        raise ImageError("The flash image has no partition for files, so they cannot be read.")
    part = image[flash.start : flash.start + flash.length]
    return file_system_in(flash).read(part)


def write_new(data: bytes, path: Path) -> None:
    """Write `data` to a new file that only the user can read.

    The file is not sparse, because erased flash is 0xFF and holes read as 0. Writing 4 MiB takes a
    millisecond.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def default_cache() -> Path:
    """Return the folder of cached images, in `ESPBENCH_CACHE` or else in the user's cache."""
    root = os.environ.get("ESPBENCH_CACHE")
    if not root:
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        root = str(Path(home) / "espbench")
    return Path(root) / "images"


def _store(data: bytes, cached: Path) -> None:
    """Put an image into the cache atomically, and remove the oldest ones.

    Images may hold private keys, so only the user can read them.
    """
    cached.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=cached.parent) as folder:
        temporary = Path(folder) / "image"
        write_new(data, temporary)
        temporary.replace(cached)
    images = sorted(cached.parent.glob("*.img"), key=lambda p: p.stat().st_mtime, reverse=True)
    for old in images[KEEP:]:
        old.unlink(missing_ok=True)
