# SPDX-License-Identifier: MIT
"""Parts of static files (Range) and preconditions (If-Match): RFC 9110, sections 13 and 14."""

from __future__ import annotations

import gzip
import random
from collections.abc import Mapping
from typing import Any

import pytest
from espbench.certs import Recipe
from espbench.clients import Endpoints, Response
from espbench.device.device import Device

BOTH = pytest.mark.parametrize("scheme", ["http", "https"])
DATA = random.Random(3).randbytes(20_000)
SIZE = len(DATA)
PACKED = gzip.compress(b"text " * 400, mtime=0)
MAIN = """
import httpserver
httpserver.static("/www", "/www")
import bench_app
bench_app.main()
"""


@pytest.fixture(scope="module")
def shared_device_options(recipe: Recipe) -> Mapping[str, Any]:
    """Return options for a device with files to serve."""
    files = {f"/certs/{name}": data for name, data in recipe.device_files.items()}
    files |= {"/www/data.bin": DATA, "/www/empty.txt": b""}
    files |= {"/www/text.txt": b"text " * 400, "/www/text.txt.gz": PACKED}
    return {"files": {**files, "/main.py": MAIN.encode()}, "forwards": {80: 4, 443: 4}}


def get(endpoints: Endpoints, headers: Mapping[str, str], method: str = "GET") -> Response:
    """Return the response to a request for /www/data.bin."""
    return endpoints.http.request(method, "/www/data.bin", headers=dict(headers))


PARTS = {
    "bytes=0-0": (0, 1),
    "bytes=0-99": (0, 100),
    "bytes=5000-14999": (5000, 15000),
    "bytes=19999-": (SIZE - 1, SIZE),
    "bytes=10-": (10, SIZE),
    "bytes=0-": (0, SIZE),
    "bytes=100-99999999999": (100, SIZE),
    "bytes=-1": (SIZE - 1, SIZE),
    "bytes=-9000": (SIZE - 9000, SIZE),
    "bytes=-99999999": (0, SIZE),
    "Bytes = 7-9": (7, 10),
}
"""The first byte and the one behind the last, by Range."""


@BOTH
def test_parts(scheme: str, endpoints: Endpoints) -> None:
    """A valid range gets that part of the file, on a connection that goes on."""
    with endpoints[scheme].http() as http:
        whole = http.get("/www/data.bin")
        assert whole.header("accept-ranges") == "bytes"
        for wanted, (start, end) in PARTS.items():
            answer = http.request("GET", "/www/data.bin", headers={"Range": wanted})
            assert (answer.status, answer.body == DATA[start:end]) == (206, True), wanted
            assert answer.header("content-range") == f"bytes {start}-{end - 1}/{SIZE}"
            assert answer.header("content-length") == str(end - start)
            for name in ("etag", "content-type", "cache-control"):
                assert answer.header(name) == whole.header(name)


@pytest.mark.parametrize("wanted", ["bytes=20000-", "bytes=20000-30000", "bytes=-0"])
def test_a_part_beyond_the_end(wanted: str, endpoints: Endpoints) -> None:
    """A range that begins behind the file gets a 416 with the file's size (section 15.5.17)."""
    answer = get(endpoints, {"Range": wanted})
    assert (answer.status, answer.header("content-range")) == (416, f"bytes */{SIZE}")


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=0-1,3-4",
        "bytes=9-8",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1",
        "bytes 0-1",
        "lines=0-1",
        "bytes=0-1\xff",
        "bytes=" + "9" * 30 + "-",
    ],
)
def test_ranges_that_are_ignored(wanted: str, endpoints: Endpoints) -> None:
    """Several ranges, another unit or an invalid Range get the whole file (section 14.2)."""
    answer = get(endpoints, {"Range": wanted})
    assert (answer.status, answer.body == DATA) == (200, True)
    assert answer.header("content-range") is None


def test_an_empty_file_has_no_parts(endpoints: Endpoints) -> None:
    """No range of an empty file can be satisfied."""
    headers = {"Range": "bytes=0-"}
    answer = endpoints.http.request("GET", "/www/empty.txt", headers=headers)
    assert (answer.status, answer.header("content-range")) == (416, "bytes */0")


def test_head_has_no_parts(endpoints: Endpoints) -> None:
    """Range is only defined for GET (section 14.2)."""
    answer = get(endpoints, {"Range": "bytes=0-1"}, "HEAD")
    assert (answer.status, answer.header("content-length")) == (200, str(SIZE))


def test_if_range(endpoints: Endpoints) -> None:
    """If-Range gives the part only of the file that the client knows (section 13.1.5)."""
    tag = get(endpoints, {}).header("etag") or ""
    date = "Sun, 06 Nov 1994 08:49:37 GMT"
    for condition, status in {tag: 206, '"other"': 200, f"W/{tag}": 200, date: 200}.items():
        answer = get(endpoints, {"Range": "bytes=0-9", "If-Range": condition})
        assert (answer.status, len(answer.body)) == (status, 10 if status == 206 else SIZE)


def test_parts_of_what_is_packed(endpoints: Endpoints) -> None:
    """With gzip, a range is one of the packed file, whose ETag the response has."""
    headers = {"Accept-Encoding": "gzip", "Range": "bytes=2-9"}
    answer = endpoints.http.request("GET", "/www/text.txt", headers=headers)
    assert (answer.status, answer.header("content-encoding")) == (206, "gzip")
    assert answer.body == PACKED[2:10]
    assert answer.header("content-range") == f"bytes 2-9/{len(PACKED)}"


@BOTH
def test_if_match(scheme: str, endpoints: Endpoints) -> None:
    """If-Match without the file's ETag gets a 412, before any other condition (section 13.2.2)."""
    with endpoints[scheme].http() as http:
        tag = http.get("/www/data.bin").header("etag") or ""
        for condition, status in {
            tag: 200,
            "*": 200,
            f'"other" , {tag}': 200,
            '"other"': 412,
            f"W/{tag}": 412,  # the comparison is strong
            "\xff": 412,
        }.items():
            headers = {"If-Match": condition}
            answer = http.request("GET", "/www/data.bin", headers=headers)
            assert answer.status == status, condition
            assert http.request("HEAD", "/www/data.bin", headers=headers).status == status
            both = {**headers, "If-None-Match": tag, "Range": "bytes=0-1"}
            answer = http.request("GET", "/www/data.bin", headers=both)
            assert answer.status == (304 if status == 200 else 412)
        missing = http.request("GET", "/www/nothing", headers={"If-Match": '"other"'})
        assert missing.status == 404


def test_a_length_of_the_content(shared_device: Device, endpoints: Endpoints) -> None:
    """send(length=) sends that many bytes of text, bytes and streams, if there are that many."""
    shared_device.exec(
        "import httpserver, io\n"
        "def part(request):\n"
        "    content = {'text': 'hello', 'bytes': b'hello', 'stream': io.BytesIO(b'hello')}\n"
        "    kind, _, length = request.query.partition('-')\n"
        "    try: httpserver.send(content[kind], length=int(length))\n"
        "    except ValueError as error: return str(error)\n"
        "httpserver.on('/part', part)"
    )
    with endpoints.http.http() as http:
        for kind in ("text", "bytes", "stream"):
            for length in (0, 1, 4, 5, 6):
                answer = http.get(f"/part?{kind}-{length}")
                assert answer.text == "hello"[:length]
            assert "negative" in http.get(f"/part?{kind}--1").text
    shared_device.exec("httpserver.off('/part')")
