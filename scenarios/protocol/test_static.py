# SPDX-License-Identifier: MIT
"""Static files over HTTP: media types, validators, gzip, and no path traversal."""

from __future__ import annotations

import gzip
import hashlib
import random
from collections.abc import Mapping
from typing import Any

import pytest
from espbench.certs import Recipe
from espbench.clients import ClientError, Endpoints, Response, encode_request
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

BOTH = pytest.mark.parametrize("scheme", ["http", "https"])
BIG = random.Random(1).randbytes(300_000)
"""Larger than the device's memory."""
BIG_DIGEST = hashlib.sha256(BIG).digest()
MIDDLE = random.Random(2).randbytes(20_000)
STYLE = b"body { color: teal; }\n" * 100
SECRET = b"nobody may read this"
FILES = {
    "/www/index.html": b"<!doctype html><p>index</p>",
    "/www/style.css": STYLE,
    "/www/style.css.gz": gzip.compress(STYLE, mtime=0),
    "/www/packed.js.gz": gzip.compress(b"let x = 1;\n", mtime=0),
    "/www/big.bin": BIG,
    "/www/middle.bin": MIDDLE,
    "/www/empty.txt": b"",
    "/www/data.json": b"{}",
    "/www/a b+c ä.txt": b"odd",
    "/www/noending": b"?",
    "/www/bare/file.txt": b"in a folder without an index",
    "/www/docs/index.html": b"docs",
    "/www/%2e%2e": b"a name that only looks encoded",
    "/www/.hidden": SECRET,
    "/www/backup.key": SECRET,
    "/www/Server.PEM": SECRET,
    "/www/old.pem.gz": SECRET,
    "/secret.txt": SECRET,
    "/main_old.py": SECRET,
    "/config.json": b"{}",
    "/wifi.toml": SECRET,
    "/lib/umqtt/simple.py": SECRET,
    "/lib/fast.mpy": SECRET,
    "/www/program.py": SECRET,
    "/www/ca.crt": SECRET,
    "/www/HIDDEN~1.TXT": SECRET,
    "/www/backup~.txt": b"no number",
    "/notes.txt": b"notes",
}
MAIN = """
import httpserver
httpserver.static("/www", "/www")
httpserver.static("/root", "/")
import bench_app
bench_app.main()
"""


@pytest.fixture(scope="module")
def shared_device_options(recipe: Recipe) -> Mapping[str, Any]:
    """Return options for a device with files to serve, and some that must not be served."""
    certs = {f"/certs/{name}": data for name, data in recipe.device_files.items()}
    return {"files": {**certs, **FILES, "/main.py": MAIN}, "forwards": {80: 4, 443: 4}}


def digest(answer: Response) -> bytes:
    """Return the body's digest, because pytest's diff of two bodies of 300 kB is very long."""
    return hashlib.sha256(answer.body).digest()


def get(endpoints: Endpoints, path: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the response to a GET over http."""
    return endpoints.http.request("GET", path, headers=dict(headers or {}))


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/www/index.html", "text/html; charset=utf-8"),
        ("/www/style.css", "text/css; charset=utf-8"),
        ("/www/packed.js", "text/javascript; charset=utf-8"),
        ("/www/data.json", "application/json"),
        ("/www/big.bin", "application/octet-stream"),
        ("/www/noending", "application/octet-stream"),
        ("/www/style.css.gz", "application/gzip"),
    ],
)
def test_media_types(path: str, media_type: str, endpoints: Endpoints) -> None:
    """The media type comes from the file name's suffix, and nosniff forbids browsers to guess."""
    answer = get(endpoints, path, {"Accept-Encoding": "gzip"})
    assert (answer.status, answer.header("content-type")) == (200, media_type)
    assert answer.header("x-content-type-options") == "nosniff"


@BOTH
def test_a_file_larger_than_all_memory(
    scheme: str, endpoints: Endpoints, shared_device: Device
) -> None:
    """300 kB arrive whole on a persistent connection, and take two buffers, not the whole file."""
    with endpoints[scheme].http() as http:
        assert http.get("/hello").status == 200
        shared_device.heap_reset()
        before = shared_device.heap().free
        assert digest(http.get("/www/big.bin")) == BIG_DIGEST
        assert before - shared_device.heap().low_water < 24_000
        assert http.get("/hello").text == "hello\n"


ENDLESS = """
import gc, httpserver, io, struct, uctypes
class Endless(io.IOBase):
    closed = 0
    def ioctl(self, request, argument):
        if request == 2:  # seek: offset and whence in C, the offset is the answer
            seek = uctypes.bytearray_at(argument, 8)
            seek[:4] = struct.pack("<i", 100_000_000 if seek[4] == 2 else 0)
        elif request == 4:
            Endless.closed += 1
        return 0
    def readinto(self, buffer):
        gc.collect()
        if fails: raise ValueError("no more")
        return len(buffer)
fails = False
httpserver.on("/endless", lambda request: httpserver.send(Endless()))
"""


@pytest.mark.failures("peer_reset")
def test_a_slow_client_holds_nobody_up(endpoints: Endpoints, shared_device: Device) -> None:
    """While a client does not read 100 MB, others are served, and it holds only two buffers."""
    free = shared_device.settle().free
    shared_device.exec(ENDLESS)
    slow = endpoints.http.http()
    slow.send("GET", "/endless")
    assert b"Content-Length: 100000000" in slow.stream.receive(5)
    # A file would take seconds where each read of the flash stops the emulated processor.
    for _ in range(5):
        assert get(endpoints, "/hello").text == "hello\n"
        assert digest(endpoints.http.patient(60).get("/www/big.bin")) == BIG_DIGEST
    assert free - shared_device.heap().free < 24_000
    slow.stream.reset()
    shared_device.settle()
    assert get(endpoints, "/hello").text == "hello\n"  # process_queue() closes abandoned streams
    assert shared_device.eval("Endless.closed") == 1
    shared_device.exec("httpserver.off('/endless')")


@pytest.mark.failures("handler_error")
def test_a_source_that_raises(endpoints: Endpoints, shared_device: Device) -> None:
    """A stream in Python that raises ends its connection and prints a traceback."""
    shared_device.exec(ENDLESS + "fails = True\n")
    with endpoints.http.http() as http, pytest.raises(ClientError):
        http.get("/endless")
    shared_device.console.expect("ValueError: no more", timeout=5)
    deadline = Deadline(5)
    while shared_device.eval("Endless.closed") != 1:  # shortly after its traceback
        assert not deadline.expired()
    shared_device.exec("httpserver.off('/endless')")


@pytest.mark.failures("no_memory", "peer_reset")
def test_any_allocation_may_fail(endpoints: Endpoints, shared_device: Device) -> None:
    """Whichever allocation fails, a response of 20 kB is whole, refused or visibly cut."""
    outcomes: set[int | str] = set()
    for n in range(1, 41):
        with endpoints.http.patient(3).http() as http:
            assert http.get("/hello").status == 200
            shared_device.fail_alloc(n)
            try:
                answer = http.get("/www/middle.bin")
                outcomes.add(answer.status)
                assert answer.status in (500, 503) or answer.body == MIDDLE
            except ClientError as error:
                outcomes.add(type(error).__name__)
            finally:
                shared_device.fail_alloc(0)
    assert 200 in outcomes
    assert len(outcomes) > 1


def test_requests_behind_a_file_wait_for_it(endpoints: Endpoints) -> None:
    """Pipelined requests are answered in order, after the whole file (RFC 9112 section 9.3.2)."""
    with endpoints.http.http() as http:
        http.stream.send(encode_request("GET", "/www/big.bin") + encode_request("GET", "/hello"))
        assert digest(http.receive()) == BIG_DIGEST
        assert http.receive().text == "hello\n"


def test_the_connection_ends_behind_the_file(endpoints: Endpoints) -> None:
    """With Connection: close the client gets the whole file before the connection ends."""
    with endpoints.http.http() as http:
        answer = http.request("GET", "/www/big.bin", headers={"Connection": "close"})
        assert digest(answer) == BIG_DIGEST
        assert http.ended() is False


@pytest.mark.failures("peer_reset")
@BOTH
def test_a_client_that_goes_in_the_middle(
    scheme: str, endpoints: Endpoints, shared_device: Device
) -> None:
    """A reset while a file is sent frees all of its memory, and others are served."""
    http = endpoints[scheme].http()
    http.send("GET", "/www/big.bin")
    http.stream.receive(5)
    http.stream.reset()
    shared_device.settle()
    assert get(endpoints, "/www/data.json").body == b"{}"


def test_a_file_that_shrinks_while_it_is_sent(endpoints: Endpoints, shared_device: Device) -> None:
    """A file that shrinks below its Content-Length ends the connection: the client can tell."""
    shared_device.exec(
        "import httpserver\n"
        "def short(request):\n"
        "    f = open('/www/big.bin', 'rb')\n"
        "    httpserver.send(f)\n"
        "    f.seek(290000)\n"
        "httpserver.on('/short', short)"
    )
    with endpoints.http.http() as http:
        http.send("GET", "/short")
        with pytest.raises(ClientError):
            http.receive()
    shared_device.console.expect("file shrank", timeout=5)
    shared_device.exec("httpserver.off('/short')")


def test_an_empty_file(endpoints: Endpoints) -> None:
    """An empty file gives an empty body."""
    answer = get(endpoints, "/www/empty.txt")
    assert (answer.status, answer.header("content-length"), answer.body) == (200, "0", b"")


@BOTH
def test_head(scheme: str, endpoints: Endpoints) -> None:
    """HEAD has the headers of GET, and the connection stays open."""
    with endpoints[scheme].http() as http:
        head = http.request("HEAD", "/www/big.bin")
        assert (head.status, head.header("content-length"), head.body) == (200, "300000", b"")
        whole = http.get("/www/big.bin")
        assert head.header("etag") == whole.header("etag")


def test_etag_and_304(endpoints: Endpoints) -> None:
    """The ETag is strong, and a client that has the file gets a 304."""
    with endpoints.http.http() as http:
        first = http.get("/www/style.css")
        tag = first.header("etag") or ""
        assert tag.startswith('"')
        for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = http.request("GET", "/www/style.css", headers={"If-None-Match": condition})
            assert (again.status, again.body, again.header("etag")) == (304, b"", tag)
            assert again.header("content-type") == first.header("content-type")
            assert again.header("vary") == "Accept-Encoding"
        for condition in ('"other"', tag.strip('"'), ""):
            again = http.request("GET", "/www/style.css", headers={"If-None-Match": condition})
            assert (again.status, again.body) == (200, STYLE)


def test_a_changed_file_has_another_etag(endpoints: Endpoints, shared_device: Device) -> None:
    """With the same size and second, new contents change the ETag, and old ones change it back."""

    def written(text: str) -> str | None:
        shared_device.exec(f"f = open('/www/new.txt', 'w'); f.write('{text}'); f.close()")
        answer = get(endpoints, "/www/new.txt")
        assert answer.text == text
        return answer.header("etag")

    tags = [written(text) for text in ("one", "two", "one")]
    assert tags[0] == tags[2] != tags[1]


@pytest.mark.parametrize(
    ("accepts", "packed"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, GZIP;q=0.5", True),
        ("*", True),
        ("x-gzip", True),
        ("", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*, gzip;q=0", False),
        ("gzipped", False),
    ],
)
def test_gzip_by_what_the_client_takes(accepts: str, packed: bool, endpoints: Endpoints) -> None:
    """name.gz goes to clients that accept gzip, with name's media type and a different ETag."""
    answer = get(endpoints, "/www/style.css", {"Accept-Encoding": accepts})
    assert answer.status == 200
    assert answer.header("vary") == "Accept-Encoding"
    assert answer.header("content-type") == "text/css; charset=utf-8"
    assert answer.header("content-encoding") == ("gzip" if packed else None)
    assert answer.body == (FILES["/www/style.css.gz"] if packed else STYLE)
    other = get(endpoints, "/www/style.css", {"Accept-Encoding": "" if packed else "gzip"})
    assert other.header("etag") != answer.header("etag")


def test_gzip_only(endpoints: Endpoints) -> None:
    """If only name.gz exists, clients that do not accept gzip get a 406."""
    assert get(endpoints, "/www/packed.js").status == 406
    answer = get(endpoints, "/www/packed.js", {"Accept-Encoding": "gzip"})
    assert gzip.decompress(answer.body) == b"let x = 1;\n"


@pytest.mark.parametrize(
    ("path", "status", "found"),
    [
        ("/www/", 200, b"<!doctype html><p>index</p>"),
        ("/www", 301, "/www/"),
        ("/www/docs/", 200, b"docs"),
        ("/www/docs", 301, "/www/docs/"),
        ("/www/docs?x=1", 301, "/www/docs/"),
        ("/www/bare", 404, None),
        ("/www/bare/", 404, None),
        ("/www/bare/file.txt", 200, b"in a folder without an index"),
        ("/www/nothing", 404, None),
        ("/www/nothing/", 404, None),
        ("/www/index.html/", 404, None),
        ("/www/index.html?x=1", 200, b"<!doctype html><p>index</p>"),
        ("/www/a%20b+c%20%c3%A4.txt", 200, b"odd"),
        ("/www/%69ndex.html", 200, b"<!doctype html><p>index</p>"),
        ("/www/%252e%252e", 200, b"a name that only looks encoded"),
        ("/www/backup~.txt", 200, b"no number"),
        ("/root/notes.txt", 200, b"notes"),
        ("/root/www/docs/", 200, b"docs"),
    ],
)
def test_directories_and_names(
    path: str, status: int, found: bytes | str | None, endpoints: Endpoints
) -> None:
    """Folders give their index.html or a 404, never a listing; names are decoded once."""
    answer = get(endpoints, path)
    assert answer.status == status
    if isinstance(found, str):
        assert answer.header("location") == found
    elif found is not None:
        assert answer.body == found


OUT = [
    "/www/../secret.txt",
    "/www/./../secret.txt",
    "/www/docs/../../secret.txt",
    "/www/..",
    "/www/../",
    "/www/.",
    "/www/%2e%2e/secret.txt",
    "/www/%2E%2E%2fsecret.txt",
    "/www/..%2fsecret.txt",
    "/www/.%2e/secret.txt",
    "/www/docs%2f..%2f..%2fsecret.txt",
    "/www/%252e%252e/secret.txt",
    "/www/%252e%252e%252fsecret.txt",
    "/www/..\\secret.txt",
    "/www/..%5csecret.txt",
    "/www/docs\\..\\..\\secret.txt",
    "/www//secret.txt",
    "/www///secret.txt",
    "/www/%2fsecret.txt",
    "/www/%2Fcerts%2Fprvtkey.pem",
    "/www/index.html%00.txt",
    "/www/%00",
    "/www/index.html%00",
    "/www/%c0%ae%c0%ae/secret.txt",
    "/www/%e0%80%ae%e0%80%ae/secret.txt",
    "/www/%uff0e%uff0e/secret.txt",
    "/www/%u002e%u002e/secret.txt",
    "/www/..;/secret.txt",
    "/www/.../secret.txt",
    "/www/.. /secret.txt",
    "/www/..%20/secret.txt",
    "/www/..%0d%0a/secret.txt",
    "/www/%2",
    "/www/%",
    "/www/%zz",
    "/www/%+1x",
    "/www/%ff%fe",
    "/wwwsecret.txt",
    "/www../secret.txt",
]


@pytest.mark.failures("bad_request")  # a space ends the target
@pytest.mark.parametrize("path", OUT)
def test_no_way_out(path: str, endpoints: Endpoints) -> None:
    """A path that leads out of the directory, encoded or not, gets a 404; an invalid URI a 400."""
    with endpoints.http.http() as http:
        http.stream.send(encode_request("GET", path))
        answer = http.receive()
    assert answer.status in (400, 404)
    assert SECRET not in answer.body
    assert b"PRIVATE" not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "/www/.hidden",
        "/www/%2ehidden",
        "/www/backup.key",
        "/www/backup%2ekey",
        "/www/Server.PEM",
        "/www/old.pem",
        "/www/old.pem.gz",
        "/root/certs/prvtkey.pem",
        "/root/certs/servercert.pem",
        "/root/certs",
        "/root/certs/",
        "/root/CERTS/prvtkey.pem",
        "/root/certs./prvtkey.pem",
        "/root/%63erts/prvtkey.pem",
        "/root/./certs/prvtkey.pem",
        "/root//certs/prvtkey.pem",
        "/root/www/../certs/prvtkey.pem",
        "/root/www/backup.key",
        "/root/main_old.py",
        "/root/main.py",
        "/root/config.json",
        "/root/wifi.toml",
        "/root/lib/umqtt/simple.py",
        "/root/lib/fast.mpy",
        "/root/LIB/umqtt/simple.PY",
        "/root/www/program.py",
        "/www/program.py",
        "/www/ca.crt",
        "/www/HIDDEN~1.TXT",
        "/www/HIDDEN%7e1.TXT",
        "/root/",
    ],
)
def test_private_files(path: str, endpoints: Endpoints) -> None:
    """Keys, certificates, hidden files, programs and configuration get a 404, even for gzip."""
    for headers in ({}, {"Accept-Encoding": "gzip"}):
        answer = get(endpoints, path, headers)
        assert answer.status == 404
        assert answer.body == b"404 Not Found\n"


FAT = """
import httpserver, os
EMPTY = bytes(512)
class Ram:  # keeps what is not empty: a chip's heap has no room for a whole disk
    def __init__(self): self.blocks = {}
    def readblocks(self, n, buffer):
        for at in range(0, len(buffer), 512):
            buffer[at:at + 512] = self.blocks.get(n + at // 512, EMPTY)
    def writeblocks(self, n, buffer):
        for at in range(0, len(buffer), 512):
            self.blocks[n + at // 512] = bytes(buffer[at:at + 512])
            if self.blocks[n + at // 512] == EMPTY: del self.blocks[n + at // 512]
    def ioctl(self, op, argument): return {4: 60, 5: 512}.get(op, 0)
disk = Ram()
os.VfsFat.mkfs(disk)
os.mount(os.VfsFat(disk), "/fat")
for name in (".hidden.txt", "a b.txt", "key of the server.pem"):
    with open("/fat/" + name, "w") as file: file.write("text")
httpserver.static("/fat", "/fat")
"""


def test_short_names_of_fat(endpoints: Endpoints, shared_device: Device) -> None:
    """A file's second name on FAT, such as HIDDEN~1.TXT, does not get around what is private."""
    if not shared_device.eval("hasattr(__import__('os'), 'VfsFat')"):
        pytest.skip("this firmware has no FAT")
    shared_device.exec(FAT)
    try:
        assert get(endpoints, "/fat/a%20b.txt").text == "text"
        # The device itself opens these names.
        assert shared_device.eval("open('/fat/HIDDEN~1.TXT').read()") == "text"
        for name in ("HIDDEN~1.TXT", "hidden~1.txt", "HIDDEN%7E1.TXT", "KEYOFT~1.PEM"):
            assert get(endpoints, f"/fat/{name}").status == 404
    finally:
        shared_device.exec(
            "for uri in ('/fat', '/fat/*'): httpserver.off(uri)\nos.umount('/fat')\ndel disk, Ram"
        )


def test_an_absolute_target(endpoints: Endpoints) -> None:
    """A target in absolute form reaches no file outside either (RFC 9112 section 3.2.2)."""
    with endpoints.http.http() as http:
        http.stream.send(encode_request("GET", "http://x/../certs/prvtkey.pem"))
        assert http.receive().status == 404


def test_only_get_and_head(endpoints: Endpoints) -> None:
    """A POST to a file gets a 405 that names the allowed methods."""
    answer = endpoints.http.request("POST", "/www/index.html", b"x")
    assert (answer.status, answer.header("allow")) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "arguments",
    ["'www', '/www'", "'/www', 'www'", "'/x', '/www/../certs'", "'/x', '/certs'", "'/x*', '/www'"],
)
def test_what_cannot_be_served(arguments: str, shared_device: Device) -> None:
    """static() requires absolute paths, and refuses a directory that holds keys."""
    shared_device.exec(
        "import httpserver\n"
        "message = None\n"
        f"try: httpserver.static({arguments})\n"
        "except ValueError as error: message = str(error)"
    )
    assert shared_device.eval("message")


def test_headers_that_are_no_text(endpoints: Endpoints) -> None:
    """Validators that are not UTF-8 match nothing and do no harm."""
    headers = {"If-None-Match": '"\xff\xfe"', "Accept-Encoding": "gzip\xff"}
    assert get(endpoints, "/www/style.css", headers).body == STYLE
