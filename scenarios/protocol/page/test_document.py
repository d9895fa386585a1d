# SPDX-License-Identifier: MIT
"""The page as served: size, policy and build; and its status.json."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from espbench.boards.board import Board
from espbench.clients import Endpoints
from espbench.device.device import Device
from espbench.firmware import source_tree

LIMIT = 16 * 1024


def test_it_is_one_small_file(endpoints: Endpoints) -> None:
    """One gzipped response of at most 16 kB that loads no other resource."""
    answer = endpoints.http.request("GET", "/", headers={"Accept-Encoding": "gzip"})
    assert answer.status == 200
    assert answer.header("content-type") == "text/html; charset=utf-8"
    assert answer.header("content-encoding") == "gzip"
    assert len(answer.body) <= LIMIT
    html = gzip.decompress(answer.body).decode()
    assert not re.search(
        r"https?://|//[a-z]|@import|url\(|\bsrc=|<link(?! rel=\"icon\" href=\"data:,\")", html
    )
    again = endpoints.http.request(
        "GET",
        "/",
        headers={"Accept-Encoding": "gzip", "If-None-Match": answer.header("etag") or ""},
    )
    assert (again.status, again.body) == (304, b"")


def test_the_policy_allows_its_own_script_only(endpoints: Endpoints) -> None:
    """The policy allows the one script and the one style by hash, and forbids the rest."""
    answer = endpoints.http.request("GET", "/", headers={"Accept-Encoding": "gzip"})
    html = gzip.decompress(answer.body).decode()
    policy = dict(
        part.strip().split(" ", 1)
        for part in (answer.header("content-security-policy") or "").split(";")
    )
    for name in ("script", "style"):
        [content] = re.findall(rf"<{name}>(.*?)</{name}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[f"{name}-src"] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "style=" not in html
    assert not re.search(r"\bon[a-z]+=\"", html)


def test_what_is_no_browser_gets_text(endpoints: Endpoints, board: Board) -> None:
    """A client that does not accept gzip gets one line of text."""
    answer = endpoints.http.get("/")
    assert (answer.status, answer.text) == (200, f"espbench {board.name}\n")
    assert answer.header("vary") == "Accept-Encoding"


def test_the_build_is_reproducible(tmp_path: Path, endpoints: Endpoints) -> None:
    """The same sources give the same bytes, and the device serves them."""
    build = source_tree.root() / "firmware" / "web" / "build.py"
    outputs = [tmp_path / name for name in ("a.py", "b.py")]
    for output in outputs:
        subprocess.run([sys.executable, build, output], check=True)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    made: dict[str, Any] = {}
    exec(outputs[0].read_text(), made)
    answer = endpoints.http.request("GET", "/", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(answer.body) == gzip.decompress(made["PAGE"])


def test_the_figures(endpoints: Endpoints, shared_device: Device) -> None:
    """status.json has the figures of the page, and they match those from other sources."""
    with endpoints.http.http() as http:
        status = http.get("/status.json").json()
        heap = shared_device.heap()
    assert status["name"] == f"espbench {shared_device.board.name}"
    assert abs(status["heap"]["size"] - heap.size) <= shared_device.board.heap_noise
    assert abs(status["heap"]["free"] - heap.free) < 8192
    assert 0 < status["heap"]["low_water"] <= status["heap"]["free"]
    assert 0 < status["python"]["free"] < status["python"]["size"]
    assert status["http"] == {"port": 80, "max": 10, "open": 1}
    assert (status["https"]["port"], status["https"]["max"]) == (443, 4)
    assert status["https"]["certificate"]["name"] == "ESP32 Device"
    assert re.fullmatch(
        r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", status["https"]["certificate"]["not_after"]
    )
    assert 0 < status["uptime_ms"] < 3_600_000
