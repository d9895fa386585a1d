# SPDX-License-Identifier: MIT
"""Archives are unpacked safely, and only the requested files."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from archives import deb, tar
from espbench.errors import SourceError
from espbench.firmware.unpack import unpack

FILES = {"top/a.c": b"a", "top/deep/er/b.h": b"bb", "top/COPYING": b"free"}


def written(tmp_path: Path, data: bytes) -> Path:
    """Write an archive and return its path."""
    path = tmp_path / "archive"
    path.write_bytes(data)
    return path


def content(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w"])
def test_all(tmp_path: Path, mode: str) -> None:
    """Everything is unpacked, without the archive's top folder."""
    target = tmp_path / "out"
    unpack(written(tmp_path, tar(FILES, mode)), target, top="top")
    assert content(target) == {"a.c": b"a", "deep/er/b.h": b"bb", "COPYING": b"free"}


def test_some(tmp_path: Path) -> None:
    """With a list, only the files on it are unpacked."""
    target = tmp_path / "out"
    unpack(written(tmp_path, tar(FILES)), target, top="top", only=["deep/er/b.h"])
    assert content(target) == {"deep/er/b.h": b"bb"}


def test_missing_member(tmp_path: Path) -> None:
    """Files that the archive lacks are named."""
    with pytest.raises(SourceError, match=r"^An archive has no no\.c, not\.h: correct its list "):
        unpack(written(tmp_path, tar(FILES)), tmp_path / "out", top="top", only=["not.h", "no.c"])


def test_executables(tmp_path: Path) -> None:
    """Of the file modes, only "executable" is kept."""
    target = tmp_path / "out"
    unpack(written(tmp_path, tar({"top/run.sh": b"#!", "top/a.c": b""})), target, top="top")
    assert (target / "run.sh").stat().st_mode & 0o111
    assert not (target / "a.c").stat().st_mode & 0o111


def test_archive_in_a_package(tmp_path: Path) -> None:
    """A source archive inside a Debian package is unpacked."""
    inner = tar(FILES, "w:xz")
    package = deb(tar({"./usr/src/gcc/gcc.tar.xz": inner, "./usr/share/doc": b"x"}, "w:xz"))
    target = tmp_path / "out"
    unpack(
        written(tmp_path, package),
        target,
        top="top",
        inner="./usr/src/gcc/gcc.tar.xz",
        only=["a.c", "COPYING"],
    )
    assert content(target) == {"a.c": b"a", "COPYING": b"free"}


@pytest.mark.parametrize("name", ["/etc/passwd", "top/../../x", "other/x", ".."])
def test_escape(tmp_path: Path, name: str) -> None:
    """A path outside the archive's top folder is rejected, and nothing is written there."""
    with pytest.raises(SourceError) as error:
        unpack(written(tmp_path, tar({name: b"evil"})), tmp_path / "out", top="top")
    assert str(error.value) == f"An archive has a file {name!r} outside top/: do not use it."
    assert not (tmp_path / "x").exists()


def test_links_are_left_out(tmp_path: Path) -> None:
    """Links are not unpacked, so nothing can be written through them."""
    link = tarfile.TarInfo("top/link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    target = tmp_path / "out"
    unpack(written(tmp_path, tar({"top/a.c": b""}, extra=[link])), target, top="top")
    assert [path.name for path in target.iterdir()] == ["a.c"]


@pytest.mark.parametrize("keep", [0, 10, 60])
def test_damaged(tmp_path: Path, keep: int) -> None:
    """A damaged archive is an error with a remedy."""
    path = written(tmp_path, tar(FILES)[:keep])
    with pytest.raises(SourceError) as error:
        unpack(path, tmp_path / "out", top="top")
    assert str(error.value).startswith(f"{path} is damaged (")
    assert str(error.value).endswith("): remove it, and the next run fetches it again.")


def test_no_package(tmp_path: Path) -> None:
    """A file that is not a Debian package is an error."""
    with pytest.raises(SourceError) as error:
        unpack(written(tmp_path, b"hello"), tmp_path / "out", top="top", inner="./x")
    assert str(error.value) == "A Debian package is not an ar archive: remove it from the cache."
