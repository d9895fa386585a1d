# SPDX-License-Identifier: MIT
"""The README's scenario in ten lines, and its commands for a device, as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.device.device import Device
from espbench.firmware import build
from espbench.perf.wallclock import free_port
from espbench.util.timeouts import Deadline
from up_process import Up, ended

README = Path(__file__).parents[3] / "README.md"
CURL = """#!{python}
import ssl, sys, urllib.request
*options, url = sys.argv[1:]
trust = ssl.create_default_context(cafile=options[1] if options else None)
with urllib.request.urlopen(url, context=trust if url.startswith("https") else None) as answer:
    sys.stdout.write(answer.read().decode())
"""
"""What the README asks of curl, where that is not installed."""


def test_ten_lines(device_factory: Callable[..., Device]) -> None:
    """It passes on a device that starts with what its marker says."""
    text = README.read_text(encoding="utf-8")
    source = re.findall(r"```python\n(import pytest\n.*?)```", text, re.DOTALL)
    assert len(source) == 1
    names: dict[str, object] = {}
    exec(compile(source[0], str(README), "exec"), names)
    scenario = names["test_serves_while_memory_is_short"]
    assert callable(scenario)
    (marker,) = vars(scenario)["pytestmark"]
    scenario(device_factory(**marker.kwargs))


def blocks() -> list[str]:
    """Return the shell blocks below "Try the device", with ports that are free here."""
    text = README.read_text(encoding="utf-8")
    section = text.split("## Try the device\n")[1].split("\n## ")[0]
    for port in ("8080", "8443"):
        section = section.replace(port, str(free_port()))
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


@pytest.mark.boards("lx60")
def test_try_the_device(tmp_path: Path) -> None:
    """In an empty folder its lines make what the next ones name, and the device answers them."""
    start, ask = blocks()
    build.firmware(BOARDS["lx60"])  # which may take longer than a device's start is waited for
    (tmp_path / ".venv").symlink_to(sys.prefix)
    more: dict[str, str] = {}
    if shutil.which("curl") is None:
        (tmp_path / "curl").write_text(CURL.format(python=sys.executable))
        (tmp_path / "curl").chmod(0o755)
        more["PATH"] = f"{tmp_path}:{os.environ['PATH']}"
    with ended(Up(["bash", "-ec", start], folder=tmp_path, more=more)) as up:
        up.wait_for(r"^password +\S")
        for scheme in ("http", "https", "ws", "wss"):
            up.wait_for(rf"^{scheme} +{scheme}://127\.0\.0\.1:\d+/")
        answers = subprocess.run(
            ["bash", "-ec", ask],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=Deadline(30).seconds,
            check=False,
            env={**os.environ, **more},
        )
    assert answers.stdout == "hello\nhello\n", answers.stderr
