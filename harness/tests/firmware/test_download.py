# SPDX-License-Identifier: MIT
"""Downloads are verified and resumed, and every failure of a mirror has a clear message."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from espbench.errors import DiskFull, SourceError
from espbench.firmware.download import Wanted, download

DATA = bytes(range(256)) * 4096
WANTED = Wanted("pool/x/thing_1.0.tar.gz", hashlib.sha256(DATA).hexdigest(), len(DATA))


@dataclass
class Mirror:
    """A web server on loopback that serves `data`, or misbehaves.

    Attributes:
        data: the file's content; None for 404.
        stop_after: bytes after which it closes the connection, one entry per request.
        ranges: whether it honours Range.
        chunked: whether it omits Content-Length.
        status: status to send instead of 200 and 206.
        asked: the Range header of each request.
    """

    data: bytes | None = DATA
    stop_after: list[int] = field(default_factory=list)
    ranges: bool = True
    chunked: bool = False
    status: int = 0
    asked: list[str | None] = field(default_factory=list)
    url: str = ""

    @property
    def host(self) -> str:
        """Host and port, as in error messages."""
        return self.url.removeprefix("http://").partition("/")[0]

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        asked = request.headers["Range"]
        self.asked.append(asked)
        if self.data is None or self.status:
            request.send_error(self.status or 404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.ranges else 0
        if start >= len(self.data):
            request.send_error(416)
            return
        body = self.data[start:]
        request.send_response(206 if start else 200)
        if start:
            request.send_header(
                "Content-Range", f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"
            )
        if not self.chunked:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if self.stop_after:
            body = body[: self.stop_after.pop(0)]
        with contextlib.suppress(ConnectionError):
            request.wfile.write(body)


class QuietServer(http.server.ThreadingHTTPServer):
    """A server that does not report clients that disconnect."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing."""


MakeMirror = Callable[[Mirror], Mirror]


@pytest.fixture
def serve() -> Iterator[MakeMirror]:
    """Return a function that serves a mirror on a loopback port."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def start(mirror: Mirror) -> Mirror:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirror.answer(self)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                pass

        server = QuietServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        mirror.url = f"http://127.0.0.1:{server.server_port}/debian"
        return mirror

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_fetches_and_checks(serve: MakeMirror, tmp_path: Path) -> None:
    """A file arrives complete under its own name, with progress, and leaves no part file."""
    mirror = serve(Mirror())
    seen: list[int] = []
    path = download(WANTED, [mirror.url], tmp_path / "cache", seen.append)
    assert path.read_bytes() == DATA
    assert seen[-1] == len(DATA)
    assert [p.name for p in path.parent.iterdir()] == ["thing_1.0.tar.gz"]


def test_a_second_run_does_not_fetch(serve: MakeMirror, tmp_path: Path) -> None:
    """An existing file is not fetched again."""
    mirror = serve(Mirror())
    download(WANTED, [mirror.url], tmp_path)
    download(WANTED, [mirror.url], tmp_path)
    assert mirror.asked == [None]


def test_resumes_a_broken_transfer(serve: MakeMirror, tmp_path: Path) -> None:
    """A transfer whose connection breaks is resumed where it broke."""
    mirror = serve(Mirror(stop_after=[300_000, 200_000]))
    assert download(WANTED, [mirror.url], tmp_path).read_bytes() == DATA
    assert mirror.asked == [None, "bytes=300000-", "bytes=500000-"]


def test_resumes_an_earlier_run(serve: MakeMirror, tmp_path: Path) -> None:
    """A part file of a run that was killed is completed."""
    (tmp_path / "thing_1.0.tar.gz.part").write_bytes(DATA[:1000])
    mirror = serve(Mirror())
    assert download(WANTED, [mirror.url], tmp_path).read_bytes() == DATA
    assert mirror.asked == ["bytes=1000-"]


def test_a_complete_part_file_needs_no_mirror(tmp_path: Path) -> None:
    """After a run that was killed just before the rename, nothing is fetched."""
    (tmp_path / "thing_1.0.tar.gz.part").write_bytes(DATA)
    assert download(WANTED, ["http://127.0.0.1:1"], tmp_path).read_bytes() == DATA


def test_a_server_without_ranges_starts_again(serve: MakeMirror, tmp_path: Path) -> None:
    """If a mirror ignores Range, the part file is replaced."""
    (tmp_path / "thing_1.0.tar.gz.part").write_bytes(b"x" * 1000)
    mirror = serve(Mirror(ranges=False))
    assert download(WANTED, [mirror.url], tmp_path).read_bytes() == DATA


def test_a_bad_part_file_is_fetched_again(serve: MakeMirror, tmp_path: Path) -> None:
    """A part file with wrong content costs one more request, but the run succeeds."""
    (tmp_path / "thing_1.0.tar.gz.part").write_bytes(b"x" * 1000)
    mirror = serve(Mirror())
    assert download(WANTED, [mirror.url], tmp_path).read_bytes() == DATA
    assert mirror.asked == ["bytes=1000-", None]


@pytest.mark.parametrize("chunked", [False, True])
def test_wrong_hash(serve: MakeMirror, tmp_path: Path, chunked: bool) -> None:
    """A file with wrong content is removed, and the next run recovers."""
    liar = serve(Mirror(data=DATA[:-1] + b"!", chunked=chunked))
    with pytest.raises(SourceError) as error:
        download(WANTED, [liar.url], tmp_path)
    assert str(error.value) == (
        f"thing_1.0.tar.gz could not be fetched: {liar.host} served a file with a different "
        "SHA-256. The download was removed; try again, and if that fails too, set "
        "ESPBENCH_DEBIAN_MIRROR to another Debian mirror."
    )
    assert list(tmp_path.iterdir()) == []
    liar.data = DATA
    assert download(WANTED, [liar.url], tmp_path).read_bytes() == DATA


def test_wrong_size_is_not_even_fetched(serve: MakeMirror, tmp_path: Path) -> None:
    """A captive portal's login page is detected by its length."""
    portal = serve(Mirror(data=b"<html>please log in</html>"))
    with pytest.raises(SourceError, match="has a file of a different size"):
        download(WANTED, [portal.url], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_endless_file(serve: MakeMirror, tmp_path: Path) -> None:
    """A file that is too long is abandoned, not written to the end."""
    endless = serve(Mirror(data=DATA * 4, chunked=True))
    with pytest.raises(SourceError, match="served a file of a different size"):
        download(WANTED, [endless.url], tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 0


def test_next_mirror(serve: MakeMirror, tmp_path: Path) -> None:
    """If a mirror lacks the file or serves a wrong one, the next mirror is tried."""
    absent, liar, good = (
        serve(Mirror(data=None)),
        serve(Mirror(data=b"?" * len(DATA))),
        serve(Mirror()),
    )
    mirrors = [absent.url, liar.url, good.url]
    assert download(WANTED, mirrors, tmp_path).read_bytes() == DATA


def test_no_mirror_has_it(serve: MakeMirror, tmp_path: Path) -> None:
    """If all mirrors answer 404, the message has their hosts and the variable to set."""
    one, two = serve(Mirror(data=None)), serve(Mirror(data=None))
    with pytest.raises(SourceError) as error:
        download(WANTED, [one.url, two.url], tmp_path)
    assert str(error.value) == (
        f"thing_1.0.tar.gz could not be fetched: {one.host} does not have it, {two.host} does not "
        "have it. Set ESPBENCH_DEBIAN_MIRROR to a Debian mirror that has it."
    )


def test_server_error(serve: MakeMirror, tmp_path: Path) -> None:
    """A mirror's error status is in the message."""
    with pytest.raises(SourceError, match="answered 503 Service Unavailable"):
        download(WANTED, [serve(Mirror(status=503)).url], tmp_path)


def test_mirror_that_always_breaks_off(serve: MakeMirror, tmp_path: Path) -> None:
    """Partial content of an interrupted transfer is kept, and the message says so."""
    mirror = serve(Mirror(stop_after=[700_000, 0, 0, 0]))
    with pytest.raises(SourceError) as error:
        download(WANTED, [mirror.url], tmp_path)
    assert str(error.value) == (
        f"thing_1.0.tar.gz could not be fetched: {mirror.host} closed the connection early. 0.7 MB "
        "of 1.0 MB are kept; check the network, and the next run resumes from there."
    )
    assert download(WANTED, [serve(Mirror()).url], tmp_path).read_bytes() == DATA


def test_mirror_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirror that accepts the connection but never answers times out, and is named."""
    monkeypatch.setenv("ESPBENCH_TIMEOUT_SCALE", "0.01")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(SourceError) as error:
            download(WANTED, [f"http://127.0.0.1:{port}/debian"], tmp_path)
    assert str(error.value) == (
        f"thing_1.0.tar.gz could not be fetched: 127.0.0.1:{port} did not answer within 0.3 s. "
        "Check the network and any proxy, then try again."
    )


def test_no_network(tmp_path: Path) -> None:
    """A host that refuses the connection is named, with what to do."""
    with pytest.raises(SourceError) as error:
        download(WANTED, ["http://127.0.0.1:1/debian"], tmp_path)
    assert str(error.value) == (
        "thing_1.0.tar.gz could not be fetched: 127.0.0.1:1 could not be reached ([Errno 111] "
        "Connection refused). Check the network and any proxy, then try again."
    )


def test_full_disk(serve: MakeMirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills up during a download is an error, and the next run resumes."""
    mirror = serve(Mirror(stop_after=[100_000]))
    real = Path.open

    def full(path: Path, mode: str = "r", **options: object) -> object:
        if mode == "ab":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(path, mode, **options)  # type: ignore[call-overload]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(DiskFull) as error:
            download(WANTED, [mirror.url], tmp_path)
    assert str(error.value) == (
        f"The disk with {tmp_path} is full, so thing_1.0.tar.gz could not be stored: free some "
        "space, or point ESPBENCH_CACHE at another disk; the next run resumes from here."
    )
    assert download(WANTED, [mirror.url], tmp_path).read_bytes() == DATA
    assert mirror.asked[-1] == "bytes=100000-"


def test_cache_that_is_a_file(tmp_path: Path) -> None:
    """A cache in which no folder can be created is an error."""
    (tmp_path / "file").touch()
    with pytest.raises(SourceError) as error:
        download(WANTED, ["http://127.0.0.1:1"], tmp_path / "file" / "cache")
    assert str(error.value) == (
        f"{tmp_path}/file/cache is not writable (Not a directory): make it writable, or point "
        "ESPBENCH_CACHE at a folder that is."
    )
