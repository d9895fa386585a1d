# SPDX-License-Identifier: MIT
"""The evidence has the TLS secrets of whatever client a test uses: its capture can be decrypted."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.clients.tls import KEY_LOG
from espbench.firmware import build
from espbench.netem.client_randoms import client_randoms

README = Path(__file__).parents[3] / "README.md"
CLIENTS = """
import asyncio
import socket
import ssl
import urllib.request

import httpx
import pytest
import requests
from espbench import Device
from espbench.certs import recipes
from espbench.clients import Endpoint, Endpoints, Tls
from websockets.sync.client import connect

CERTS = recipes()["p256"]
EARLY = ssl.create_default_context(cadata=CERTS.trust)
EARLY.check_hostname = False
BARE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
BARE.check_hostname, BARE.verify_mode = False, ssl.CERT_NONE
TLS = Tls(trust=CERTS.trust)

def bare(device):
    with socket.create_connection(("127.0.0.1", device.port(443)), 10) as raw:
        with BARE.wrap_socket(raw) as connection:
            connection.sendall(b"GET /hello HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n")
            assert connection.recv(12) == b"HTTP/1.1 200"

def websocket(device):
    with connect(device.wss("/ws"), ssl=EARLY) as it:
        it.send("a")
        it.recv()

async def get(device):
    async with httpx.AsyncClient(verify=False) as client:
        return await client.get(device.https("/hello"))

USES = {
    "endpoints": lambda it: Endpoints(it, TLS).https.get("/hello"),
    "endpoint": lambda it: Endpoint(it.port(443), TLS).get("/hello"),
    "urllib": lambda it: urllib.request.urlopen(it.https("/hello"), context=EARLY).read(),
    "requests": lambda it: requests.get(it.https("/hello"), verify=False),
    "httpx": lambda it: httpx.get(it.https("/hello"), verify=False),
    "asyncio": lambda it: asyncio.run(get(it)),
    "bare": bare,
    "websockets": websocket,
}

@pytest.mark.device(files=CERTS.on_device())
@pytest.mark.parametrize("use", USES)
def test_client(device: Device, use: str) -> None:
    USES[use](device)
    raise ValueError("the client is done")
"""


def run(folder: Path, source: str, **environment: str) -> str:
    """Run pytest on a test file; return its output."""
    build.firmware(BOARDS["lx60"])
    (folder / "test_it.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "test_it.py", "-p", "no:pytest_embedded"],
        cwd=folder,
        env={
            **{name: text for name, text in os.environ.items() if not name.startswith("PYTEST")},
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def evidence(folder: Path) -> list[Path]:
    """Return the folders of evidence of the tests that ran in a folder."""
    return sorted(each for each in (folder / "evidence").iterdir() if each.is_dir())


def secrets(folder: Path) -> set[str]:
    """Return the randoms of the connections in a folder of evidence, all of which have secrets."""
    randoms = client_randoms((folder / "net.pcap").read_bytes())
    lines = (folder / "tls-secrets.txt").read_text().splitlines()
    assert {line.split()[1] for line in lines if line[0] != "#"} == randoms, folder.name
    return randoms


@pytest.mark.boards("lx60")
def test_readme_example(tmp_path: Path) -> None:
    """If the README's example fails, its evidence has the secrets of its HTTPS connections."""
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    before, _, after = str(example).rpartition("== 200")
    output = run(tmp_path, f"{before}== 500{after}")
    assert "assert 200 == 500" in output
    assert secrets(evidence(tmp_path)[0])


@pytest.mark.boards("lx60")
def test_any_client(tmp_path: Path) -> None:
    """Contexts of libraries, of the standard library and of espbench are found, old and new."""
    pytest.importorskip("requests", reason="the client requests is not installed")
    output = run(tmp_path, CLIENTS)
    folders = evidence(tmp_path)
    assert output.count("ValueError: the client is done") >= len(folders) == 8, output
    for folder in folders:
        assert len(secrets(folder)) == 1, folder.name


@pytest.mark.boards("lx60")
def test_file_of_the_user(tmp_path: Path) -> None:
    """A key log of the user gets all secrets, and the evidence those of its own connections."""
    mine = tmp_path / "mine.txt"
    mine.write_text(f"CLIENT_RANDOM {'00' * 32} 11\n")
    run(
        tmp_path,
        CLIENTS.replace('parametrize("use", USES)', 'parametrize("use", ["bare"])'),
        **{KEY_LOG: str(mine)},
    )
    (folder,) = evidence(tmp_path)
    assert secrets(folder) < {line.split()[1] for line in mine.read_text().splitlines()}
