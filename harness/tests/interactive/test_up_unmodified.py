# SPDX-License-Identifier: MIT
"""`espbench up` with firmware that knows nothing of espbench: it shows what listens."""

from __future__ import annotations

import shutil
import socket
import subprocess
from pathlib import Path

import httpx
import planted
import probe_builds
import pytest
from probe_builds import Build
from up_process import running

STRIP = "xtensa-lx106-elf-strip"

WHY = probe_builds.absence()


@pytest.mark.parametrize("stripped", [False, True])
def test_other_ports_than_expected(tmp_path: Path, *, stripped: bool) -> None:
    """What answers is shown, long before the time limit for what does not."""
    firmware = tmp_path / "server.elf"
    shutil.copy(planted.firmware(), firmware)
    if stripped:
        if shutil.which(STRIP) is None:
            pytest.skip(f"no {STRIP}")
        subprocess.run([STRIP, firmware], check=True)
    with running(str(firmware), "--ports", "http=81,https=443", "--ready-timeout", "3000") as up:
        https = up.wait_for(r"^https +(https://127\.0\.0\.1:\d+/)$")
        http = up.wait_for(r"^http :80 +(http://127\.0\.0\.1:\d+/)$")
        assert httpx.get(https[1], timeout=30, verify=False).status_code == 200
        assert httpx.get(http[1], timeout=30).status_code == 200


@pytest.mark.skipif(bool(WHY), reason=WHY or "available")
@pytest.mark.parametrize("build", probe_builds.builds(), ids=lambda build: build.name)
def test_what_listens_is_shown(build: Build) -> None:
    """Each port that listens has an address, also one that no option named, and nothing else."""
    if build.variant == "spiram":
        pytest.skip("espbench up has no option for PSRAM")
    probe_builds.make(build)
    with running("--board", build.board, str(build.firmware)) as up:
        http = up.wait_for(r"^http +(http://127\.0\.0\.1:\d+/)$")
        tcp = up.wait_for(rf"^tcp :{probe_builds.TCP_PORT} +127\.0\.0\.1:(\d+)$")
        assert httpx.get(http[1], timeout=30).text == "hello\n"
        with socket.create_connection(("127.0.0.1", int(tcp[1])), timeout=30) as echo:
            echo.sendall(b"echo")
            assert echo.recv(16) == b"echo"
        assert "https" not in up.shown
        assert "Nothing answers" not in up.shown
        assert "password" not in up.shown
