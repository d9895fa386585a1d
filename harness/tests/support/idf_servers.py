"""The firmware of idf_servers/: ESP-IDF's own servers, built by ESP-IDF where it is installed."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from pathlib import Path

from espbench import idf
from espbench.boards import BOARDS
from espbench.certs import Recipe
from espbench.embedded.image import flash_size, merged
from espbench.errors import EspbenchError
from espbench.find_qemu import find_qemu

PROJECT = Path(__file__).resolve().parents[1] / "idf_servers"
BUILT = PROJECT.parents[2] / "build" / "idf-servers"
BOARD = BOARDS["esp32"]


def absence() -> str:
    """Return what is missing and how to get it, or ""."""
    try:
        find_qemu(BOARD)
        idf.activated(idf.check_idf(BOARD.name, os.environ), BOARD.toolchain, os.environ)
    except EspbenchError as error:
        return str(error)
    return ""


def build(certificate: Recipe) -> bytes:
    """Return the flash of a firmware that serves with this certificate."""
    BUILT.mkdir(parents=True, exist_ok=True)
    with (BUILT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # pytest-xdist's workers may come at once
        certificate.write(BUILT / "certificate")
        _run_idf(
            *("-C", str(PROJECT), "-B", str(BUILT / "idf")),
            *("-D", f"IDF_TARGET={BOARD.name}", "-D", f"SDKCONFIG={BUILT / 'sdkconfig'}"),
            *("-D", f"CERTIFICATE={BUILT / 'certificate'}", "build"),
        )
        made = json.loads((BUILT / "idf" / "flasher_args.json").read_text())
        files = [(int(at, 0), BUILT / "idf" / name) for at, name in made["flash_files"].items()]
        return merged(files, flash_size(made["flash_settings"]["flash_size"]))


def _run_idf(*arguments: str) -> None:
    path = idf.check_idf(BOARD.name, os.environ)
    python, environment = idf.activated(path, BOARD.toolchain, os.environ)
    environment = {
        "IDF_COMPONENT_MANAGER": "0",  # nothing is fetched
        **{name: value for name, value in environment.items() if name != "VIRTUAL_ENV"},
    }
    result = subprocess.run(
        [str(python), str(path / "tools" / "idf.py"), *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:]
