# SPDX-License-Identifier: MIT
"""`unpack`: unpacks source archives: only regular files, and never outside the target folder."""

from __future__ import annotations

import lzma
import shutil
import tarfile
import zlib
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import IO, cast

from espbench.errors import SourceError

_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60


class _Slice:
    """The next `size` bytes of a file, as a file that tarfile's stream mode can read."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        if size < 0 or size > self._left:
            size = self._left
        data = self._file.read(size)
        self._left -= len(data)
        return data


def ar_member(file: IO[bytes], prefix: str) -> _Slice:
    """Return the member of an ar archive (ar(5)) whose name starts with `prefix`.

    Raises:
        SourceError: there is no such member, or the file is not an ar archive.
    """
    if file.read(len(_AR_MAGIC)) != _AR_MAGIC:
        raise SourceError("A Debian package is not an ar archive: remove it from the cache.")
    while len(header := file.read(_AR_HEADER)) == _AR_HEADER:
        name, size = header[:16].decode("ascii").strip(), int(header[48:58])
        if name.startswith(prefix):
            return _Slice(file, size)
        file.seek(size + size % 2, 1)
    raise SourceError(f"A Debian package has no {prefix}: remove it from the cache.")


def safe_path(name: str, top: str) -> PurePosixPath | None:
    """Return a member's path below the archive's top folder; None for that folder itself.

    Raises:
        SourceError: the path is outside the top folder.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.parts[:1] != (top,):
        raise SourceError(f"An archive has a file {name!r} outside {top}/: do not use it.")
    return PurePosixPath(*path.parts[1:]) if len(path.parts) > 1 else None


def unpack(
    archive: Path, target: Path, *, top: str, inner: str = "", only: Collection[str] = ()
) -> None:
    """Unpack `archive` into the folder `target`.

    Args:
        archive: a tar archive, or (with `inner`) a Debian package.
        target: an empty folder.
        top: the top folder of all paths in the archive, which is stripped.
        inner: path of the tar archive to unpack in the package's data.
        only: the files to unpack, all of which must exist; empty for all.

    Raises:
        SourceError: the archive is damaged, or a file is missing from it.
        OSError: a file could not be written.
    """
    try:
        if inner:
            _unpack_package(archive, inner, target, top, only)
        else:
            with tarfile.open(archive, "r:*") as tar:
                _unpack_members(tar, target, top, only)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise SourceError(
            f"{archive} is damaged ({error}): remove it, and the next run fetches it again."
        ) from error


def _unpack_package(
    archive: Path, inner: str, target: Path, top: str, only: Collection[str]
) -> None:
    """Unpack the archive inside a Debian package (deb(5)), without writing it to disk."""
    with (
        archive.open("rb") as file,
        tarfile.open(fileobj=cast("IO[bytes]", ar_member(file, "data.tar")), mode="r|*") as data,
    ):
        for member in data:
            if member.name != inner:
                continue
            stream = data.extractfile(member)
            if stream is None:
                break
            with tarfile.open(fileobj=stream, mode="r|*") as tar:
                _unpack_members(tar, target, top, only)
            return
    raise SourceError(f"{archive.name} has no {inner}: remove it, and the next run fetches it.")


def _unpack_members(tar: tarfile.TarFile, target: Path, top: str, only: Collection[str]) -> None:
    # tarfile's extraction filters do not exist in Python 3.11.2. Do it by hand, to be as safe: no
    # links, no devices, no owners, and no mode but "executable".
    left = set(only)
    for member in tar:
        path = safe_path(member.name, top)
        if path is None or not member.isfile() or (only and str(path) not in left):
            continue
        left.discard(str(path))
        stream = tar.extractfile(member)
        assert stream is not None  # guaranteed for a regular file
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with stream, place.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
        if member.mode & 0o100:
            place.chmod(0o755)
        if only and not left:
            return
    if left:
        raise SourceError(f"An archive has no {_listed(left)}: correct its list of files.")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
