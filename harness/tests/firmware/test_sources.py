# SPDX-License-Identifier: MIT
"""Sources are fetched into the cache once, completely, and by one process at a time."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import json
import multiprocessing
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from archives import deb, tar
from espbench.errors import ConfigError, DiskFull, SourceError
from espbench.firmware import mirrors, sources
from espbench.firmware.download import Wanted, download
from espbench.firmware.sources import Pinned, Source
from rich.console import Console

ARCHIVE = tar({"thing-1.0/a.c": b"int a;\n", "thing-1.0/b/b.h": b"\n"})
PACKAGE = deb(tar({"./usr/src/t.tar.xz": tar({"gcc/x.S": b"nop\n"}, "w:xz")}, "w:xz"))


def source(name: str, data: bytes, **options: object) -> Source:
    """Return a source whose archive is `data`."""
    wanted = Wanted(f"pool/{name}.tar", hashlib.sha256(data).hexdigest(), len(data))
    return Source(name, "1.0", wanted, 1000, licence="MIT", **options)  # type: ignore[arg-type]


PINS = Pinned(
    {
        "thing": source("thing", ARCHIVE, top="thing-1.0"),
        "inner": source("inner", PACKAGE, top="gcc", inner="./usr/src/t.tar.xz", only=("x.S",)),
    },
)


class Counting(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and counts the requests."""

    count = 0

    def do_GET(self) -> None:
        """Serve a file."""
        type(self).count += 1
        super().do_GET()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Print nothing."""


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Counting]]:
    """Serve both archives as the only mirror; return its handler, which counts requests."""
    pool = tmp_path / "mirror" / "pool"
    pool.mkdir(parents=True)
    (pool / "thing.tar").write_bytes(ARCHIVE)
    (pool / "inner.tar").write_bytes(PACKAGE)
    handler = type("Fresh", (Counting,), {"count": 0})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(tmp_path / "mirror"))
    )
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("ESPBENCH_DEBIAN_MIRROR", f"http://127.0.0.1:{server.server_port}")
    yield handler
    server.shutdown()
    server.server_close()


def ensure(cache: Path) -> dict[str, Path]:
    """Fetch both sources, without output."""
    return sources.ensure(
        list(PINS.sources), pins=PINS, cache=cache, console=Console(file=io.StringIO())
    )


def test_fetch(mirror: type[Counting], tmp_path: Path) -> None:
    """Sources are unpacked into folders that name version and hash; archives are not kept."""
    cache = tmp_path / "cache"
    found = ensure(cache)
    assert (found["thing"] / "b" / "b.h").read_bytes() == b"\n"
    assert (found["inner"] / "x.S").read_bytes() == b"nop\n"
    assert found["thing"].name == f"thing-1.0-{hashlib.sha256(ARCHIVE).hexdigest()[:12]}"
    assert list((cache / "downloads").iterdir()) == []


def test_second_run_does_nothing(mirror: type[Counting], tmp_path: Path) -> None:
    """A second run neither fetches nor writes anything, so a read-only cache suffices."""
    cache = tmp_path / "cache"
    ensure(cache)
    before = mirror.count
    (cache / "lock").unlink()
    ensure(cache)
    assert mirror.count == before
    assert not (cache / "lock").exists()


def test_halves_of_killed_runs(mirror: type[Counting], tmp_path: Path) -> None:
    """A folder that a killed run left half-unpacked is removed, not used."""
    half = tmp_path / "cache" / "sources" / ".half-killed"
    half.mkdir(parents=True)
    (half / "a.c").touch()
    ensure(tmp_path / "cache")
    assert not half.exists()


def test_failed_unpack_leaves_nothing(
    mirror: type[Counting], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If unpacking fails, no folder is left, and the next run needs no new download."""

    def broken(*_arguments: object, **_options: object) -> None:
        raise SourceError("damaged")

    with monkeypatch.context() as patch:
        patch.setattr(sources, "unpack", broken)
        with pytest.raises(SourceError, match="damaged"):
            ensure(tmp_path / "cache")
    assert list((tmp_path / "cache" / "sources").iterdir()) == []
    count = mirror.count
    ensure(tmp_path / "cache")
    assert mirror.count == count + 1  # only the second archive


def test_two_at_once(mirror: type[Counting], tmp_path: Path) -> None:
    """Two processes that need the same sources fetch them once."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=ensure, args=(tmp_path / "cache",)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert mirror.count == 2


def test_too_little_space(
    mirror: type[Counting], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Free space is checked before anything is fetched."""
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(DiskFull) as error:
        ensure(tmp_path / "cache")
    assert str(error.value) == (
        f"The firmware's sources need 0.0 MB in {tmp_path}/cache, but only 0.0 MB are free there: "
        "free some space, or point ESPBENCH_CACHE at another disk."
    )
    assert mirror.count == 0


def test_pins_are_complete() -> None:
    """Every source of espbench has a SHA-256, a size, a licence and a path in Debian's pool."""
    pins = sources.pinned()
    assert set(pins.sources) == {"micropython", "lwip", "mbedtls", "http-parser", "libgcc"}
    for source in pins.sources.values():
        assert len(bytes.fromhex(source.wanted.sha256)) == 32
        snapshot, *upstream = source.wanted.elsewhere
        assert len(bytes.fromhex(snapshot.removeprefix(f"{sources.SNAPSHOT}/"))) == 20
        assert all(url.startswith("https://") for url in upstream)
        assert source.wanted.size > 10_000
        assert source.wanted.path.startswith("pool/main/")
        assert source.licence


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """ESPBENCH_CACHE sets the cache's folder; the default is in the user's cache."""
    monkeypatch.setenv("ESPBENCH_CACHE", str(tmp_path / "here"))
    assert sources.cache_folder() == tmp_path / "here"
    monkeypatch.delenv("ESPBENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert sources.cache_folder() == tmp_path / "xdg" / "espbench"


def test_apt_mirrors() -> None:
    """The machine's mirrors are found in both formats, but not security ones or comments."""
    one_line = (
        "# deb http://no.example/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/x] http://one.example/debian bookworm main\n"
        "deb http://one.example/debian-security bookworm-security main\n"
    )
    stanza = "Types: deb\nURIs: https://two.example/mirror/debian/ http://one.example/debian\n"
    assert mirrors.apt_mirrors([one_line, stanza]) == [
        "http://one.example/debian",
        "https://two.example/mirror/debian",
    ]


def test_mirror_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mirrors are apt's, including a mirror list's; the variable replaces them."""
    monkeypatch.delenv("ESPBENCH_DEBIAN_MIRROR", raising=False)
    listed = tmp_path / "debian.list"
    listed.write_text("https://listed.example/debian\n")
    (tmp_path / "sources.list").write_text(
        f"deb http://near.example/debian bookworm main\ndeb mirror+file:{listed} bookworm main\n"
    )
    assert mirrors.mirrors(tmp_path) == [
        "http://near.example/debian",
        "https://listed.example/debian",
    ]
    monkeypatch.setenv("ESPBENCH_DEBIAN_MIRROR", "http://mine.example/debian/")
    assert mirrors.mirrors(tmp_path) == ["http://mine.example/debian"]


def test_no_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems without Debian's mirrors, such as Fedora, have none; other origins are left."""
    monkeypatch.delenv("ESPBENCH_DEBIAN_MIRROR", raising=False)
    ubuntu = tmp_path / "sources.list"
    ubuntu.write_text("deb http://archive.example/ubuntu noble main\n")
    assert mirrors.mirrors(tmp_path) == []


class Snapshots(Counting):
    """Serves files by their SHA-1, as Debian's archive of snapshots does."""

    def translate_path(self, path: str) -> str:
        """Return the file with this hash."""
        name = path.rpartition("/")[2]
        for file in Path(self.directory).rglob("*.tar"):
            if hashlib.sha1(file.read_bytes()).hexdigest() == name:
                return str(file)
        return "/no/such/file"


@pytest.fixture
def snapshots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let only an archive of snapshots on loopback have the source; return its URL."""
    (tmp_path / "thing.tar").write_bytes(ARCHIVE)
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Snapshots, directory=str(tmp_path))
    )
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.delenv("ESPBENCH_DEBIAN_MIRROR", raising=False)
    url = f"http://127.0.0.1:{server.server_port}/file"
    monkeypatch.setattr(sources, "SNAPSHOT", url)
    yield url
    server.shutdown()
    server.server_close()


def listed(**more: object) -> Pinned:
    """Return a pinned source as `sources.toml` lists it."""
    facts = {
        "version": "1.0",
        "path": "pool/thing.tar",
        "sha256": hashlib.sha256(ARCHIVE).hexdigest(),
        "sha1": hashlib.sha1(ARCHIVE).hexdigest(),
        "top": "thing-1.0",
        "licence": "MIT",
        **more,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in facts.items()]
    return sources.parse("\n".join(["[thing]", f"size = {len(ARCHIVE)}", "unpacked = 1", *lines]))


@pytest.mark.parametrize("mirrors_here", [(), ("http://127.0.0.1:1/debian",)])
def test_version_that_mirrors_dropped(
    mirrors_here: tuple[str, ...],
    snapshots: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Debian's archive of snapshots has it, also for a system without a Debian mirror."""
    monkeypatch.setattr(sources, "mirrors", lambda: mirrors_here)
    pins = listed()
    found = sources.ensure(
        ["thing"], pins=pins, cache=tmp_path / "cache", console=Console(file=io.StringIO())
    )
    assert (found["thing"] / "a.c").read_bytes() == b"int a;\n"


def test_upstream_is_the_last_origin(snapshots: str, tmp_path: Path) -> None:
    """After the snapshots come upstream's URLs; whatever serves it, the hash decides."""
    url = f"{snapshots}/../{hashlib.sha1(ARCHIVE).hexdigest()}"
    pins = listed(sha1="0" * 40, upstream=[url])
    assert pins.sources["thing"].wanted.elsewhere == (f"{snapshots}/{'0' * 40}", url)
    wanted = pins.sources["thing"].wanted
    assert download(wanted, [], tmp_path / "d").read_bytes() == ARCHIVE
    with pytest.raises(SourceError, match="different size"):
        download(replace(wanted, size=len(ARCHIVE) - 1), [], tmp_path / "e")


def test_chosen_mirror_is_the_only_origin(
    snapshots: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `ESPBENCH_DEBIAN_MIRROR`, nothing else is asked, as in a closed network."""
    monkeypatch.setenv("ESPBENCH_DEBIAN_MIRROR", "http://127.0.0.1:1/debian")
    before = Snapshots.count
    console = Console(file=io.StringIO())
    with pytest.raises(SourceError) as error:
        sources.ensure(["thing"], pins=listed(), cache=tmp_path, console=console)
    assert "127.0.0.1:1 could not be reached" in str(error.value)
    assert "/file" not in str(error.value)
    assert Snapshots.count == before


def test_mirror_that_is_not_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that is not a URL is an error."""
    monkeypatch.setenv("ESPBENCH_DEBIAN_MIRROR", "/srv/debian")
    with pytest.raises(ConfigError) as error:
        mirrors.mirrors()
    assert str(error.value) == (
        "ESPBENCH_DEBIAN_MIRROR is '/srv/debian': set it to the URL of a mirror of Debian's "
        "archive, or unset it."
    )
