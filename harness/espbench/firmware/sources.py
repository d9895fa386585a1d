# SPDX-License-Identifier: MIT
"""`ensure`: fetches, verifies and unpacks the firmware's third-party sources into the cache."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path

import platformdirs
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from espbench.errors import DiskFull
from espbench.firmware.download import Wanted, disk_errors, download, megabytes
from espbench.firmware.mirrors import chosen_mirror, mirrors
from espbench.firmware.unpack import unpack

CACHE_VARIABLE = "ESPBENCH_CACHE"
SNAPSHOT = "https://snapshot.debian.org/file"
"""Serves every file that Debian's archive ever had, by its SHA-1 (snapshot.debian.org)."""


@dataclass(frozen=True)
class Source:
    """One pinned source.

    Attributes:
        name, version: for messages and folder names.
        wanted: the archive.
        unpacked: approximate size when unpacked, in bytes.
        top: the archive's top folder, which is stripped.
        inner: the archive inside, if `wanted` is a Debian package.
        only: the files to unpack; empty for all.
        licence: SPDX expression.
    """

    name: str
    version: str
    wanted: Wanted
    unpacked: int
    top: str
    licence: str
    inner: str = ""
    only: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """Name of its folder in the cache; it includes the hash, so a folder is never stale."""
        return f"{self.name}-{self.version}-{self.wanted.sha256[:12]}"


@dataclass(frozen=True)
class Pinned:
    """The sources, by name."""

    sources: Mapping[str, Source]


def parse(text: str) -> Pinned:
    """Return the sources that `sources.toml` lists."""
    data = tomllib.loads(text)
    sources = {}
    for name, entry in data.items():
        elsewhere = (f"{SNAPSHOT}/{entry.pop('sha1')}", *entry.pop("upstream", ()))
        wanted = Wanted(entry.pop("path"), entry.pop("sha256"), entry.pop("size"), elsewhere)
        only = tuple(entry.pop("only", ()))
        sources[name] = Source(name=name, wanted=wanted, only=only, **entry)
    return Pinned(sources)


@cache
def pinned() -> Pinned:
    """Return the sources of this espbench."""
    return parse(resources.files("espbench.firmware").joinpath("sources.toml").read_text())


def cache_folder() -> Path:
    """Return the cache folder: `ESPBENCH_CACHE`, or else espbench's folder in the user's cache."""
    chosen = os.environ.get(CACHE_VARIABLE, "").strip()
    return (
        Path(chosen).expanduser().absolute() if chosen else platformdirs.user_cache_path("espbench")
    )


def present(source: Source, cache: Path) -> bool:
    """Return whether a source is unpacked; a folder gets its final name only when complete."""
    return (cache / "sources" / source.folder).is_dir()


def folders(pins: Pinned | None = None, cache: Path | None = None) -> dict[str, Path]:
    """Return the folder of every source, whether it exists yet or not."""
    cache = cache or cache_folder()
    found = (pins or pinned()).sources.values()
    return {source.name: cache / "sources" / source.folder for source in found}


def ensure(
    names: Sequence[str],
    *,
    pins: Pinned | None = None,
    cache: Path | None = None,
    console: Console | None = None,
) -> dict[str, Path]:
    """Return the folders of sources, fetching those that are missing.

    Args:
        names: names of the sources.
        pins: pinned sources to use instead of espbench's own.
        cache: folder to use instead of `cache_folder()`.
        console: shows progress; standard error by default.

    Raises:
        SourceError: a source could not be fetched, verified or unpacked.
        DiskFull: the disk is full.
    """
    pins = pins or pinned()
    cache = cache or cache_folder()
    wanted = [pins.sources[name] for name in names]
    if not all(present(source, cache) for source in wanted):
        console = console or Console(stderr=True)
        with _locked(cache, console):
            absent = [source for source in wanted if not present(source, cache)]
            if chosen_mirror():  # the only origin: a closed network reaches no other
                absent = [_only_from_mirrors(source) for source in absent]
            _check_space(absent, cache)
            _fetch(absent, mirrors(), cache, console)
    return {name: folders(pins, cache)[name] for name in names}


def _only_from_mirrors(source: Source) -> Source:
    return replace(source, wanted=replace(source.wanted, elsewhere=()))


def _check_space(absent: Sequence[Source], cache: Path) -> None:
    """Check for free space before fetching anything.

    Raises:
        DiskFull: there is not enough space.
    """
    need = sum(source.unpacked for source in absent)
    for source in absent:
        part = cache / "downloads" / f"{source.wanted.name}.part"
        need += source.wanted.size - (part.stat().st_size if part.exists() else 0)
    free = shutil.disk_usage(cache).free
    if free < need:
        raise DiskFull(
            f"The firmware's sources need {megabytes(need)} in {cache}, but only {megabytes(free)} "
            "are free there: free some space, or point ESPBENCH_CACHE at another disk."
        )


def _fetch(absent: Sequence[Source], urls: Sequence[str], cache: Path, console: Console) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        tasks = {s.name: bars.add_task(s.name, total=s.wanted.size) for s in absent}
        for source in absent:
            task = tasks[source.name]
            if not console.is_terminal:
                console.print(
                    f"fetching {source.name} {source.version} ({megabytes(source.wanted.size)})"
                )

            def show(count: int, task: object = task) -> None:
                bars.update(task, completed=count)  # type: ignore[arg-type]

            _fetch_one(source, urls, cache, show)
            bars.update(task, completed=source.wanted.size)


def _fetch_one(
    source: Source, urls: Sequence[str], cache: Path, progress: Callable[[int], None]
) -> None:
    archive = download(source.wanted, urls, cache / "downloads", progress)
    sources = cache / "sources"
    with disk_errors(cache, f"{source.name} {source.version}"):
        sources.mkdir(parents=True, exist_ok=True)
        _remove_halves(sources)
        half = Path(tempfile.mkdtemp(prefix=".half-", dir=sources))
        try:
            half.chmod(0o755)
            unpack(archive, half, top=source.top, inner=source.inner, only=source.only)
            half.rename(sources / source.folder)
        except BaseException:
            shutil.rmtree(half, ignore_errors=True)
            raise
        archive.unlink()  # no longer needed: its content is unpacked


def _remove_halves(sources: Path) -> None:
    """Remove the leftovers of killed runs; we hold the lock, so no other process uses them."""
    for half in sources.glob(".half-*"):
        shutil.rmtree(half, ignore_errors=True)


@contextlib.contextmanager
def _locked(cache: Path, console: Console) -> Iterator[None]:
    """Let one process at a time fetch into the cache; the kernel releases a dead process's lock."""
    with disk_errors(cache, "its lock"):
        cache.mkdir(parents=True, exist_ok=True)
        handle = (cache / "lock").open("w")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("another espbench is fetching the sources: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
