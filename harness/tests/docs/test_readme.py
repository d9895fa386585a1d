# SPDX-License-Identifier: MIT
"""README.md: its length, its sections, its table of checks, its example and that one's output.

The commands for a device are in docs/how-to/run-a-device.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import planted
import pytest
from espbench.boards.builtin import BOARDS
from espbench.check.families import all_checks
from espbench.cli.main import make_parser
from espbench.device.device import Device
from espbench.firmware import build
from espbench.perf.wallclock import free_port
from espbench.util.timeouts import Deadline
from up_process import Up, ended

TREE = Path(__file__).parents[3]
README = TREE / "README.md"
BY_HAND = TREE / "docs" / "how-to" / "run-a-device.md"
SECTIONS = [
    "Requirements",
    "Install",
    "Check your firmware",
    "Write tests",
    "Features",
    "Boards",
    "Documentation",
    "Compared with others",
    "Limits",
    "Contributing",
    "Licence",
]
CURL = """#!{python}
import ssl, sys, urllib.request
*options, url = sys.argv[1:]
trust = ssl.create_default_context(cafile=options[1] if options else None)
with urllib.request.urlopen(url, context=trust if url.startswith("https") else None) as answer:
    sys.stdout.write(answer.read().decode())
"""
"""Stand-in for curl where it is not installed."""


def example() -> str:
    """Return the only Python block of the README."""
    (source,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return str(source)


def test_order_and_length() -> None:
    """The README has one image, its sections in order, and a limited length."""
    text = README.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    assert re.findall(r"^## (.*)$", text, re.M) == SECTIONS
    assert len(example().splitlines()) == 15
    assert len(re.findall(r"^!\[", text, re.M)) == 1


def test_the_first_command() -> None:
    """The first command after the installation checks the user's image."""
    text = README.read_text(encoding="utf-8")
    section = text.split("\n## Install\n")[1].split("\n## Write tests\n")[0]
    lines = [
        line
        for block in re.findall(r"```sh\n(.*?)```", section, re.S)
        for line in block.split("\n")
    ]
    commands = [line.partition("#")[0].strip() for line in lines if line]
    assert [" ".join(command.split()[:2]) for command in commands] == [
        "pip install",
        "idf.py build",
        "espbench check",
    ]
    options = make_parser().parse_args(commands[-1].split()[1:])
    assert options.image == "build"


def test_the_table_of_checks() -> None:
    """Each row of the excerpt is about an existing check, and they show several outcomes."""
    rows = re.findall(r"^│ (\w+) +│ (\w+) +│ ([\w ]+)", README.read_text(encoding="utf-8"), re.M)
    assert len(rows) >= 5
    names = {each.name for each in all_checks()}
    assert {f"{family}.{check}" for family, check, _ in rows} <= names
    assert {outcome.split()[0] for _, _, outcome in rows} >= {"passed", "failed", "observed"}


@pytest.mark.boards("lx60")
def test_output(tmp_path: Path) -> None:
    """pytest prints the output that the README shows."""
    text = README.read_text(encoding="utf-8")
    ((command, shown),) = re.findall(r"```console\n\$ (pytest [^\n]*)\n(.*?)```", text, re.DOTALL)
    build.firmware(BOARDS["lx60"])
    (tmp_path / command.split()[-1]).write_text(example())
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), "-p", "no:pytest_embedded"],
        cwd=tmp_path,
        env={name: text for name, text in os.environ.items() if not name.startswith("PYTEST")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    printed = done.stdout.splitlines()
    assert [line for line in shown.splitlines() if line not in printed] == []


def test_ten_lines(device_factory: Callable[..., Device]) -> None:
    """The example passes on a device that starts with the options of its marker."""
    names: dict[str, object] = {}
    exec(compile(example(), str(README), "exec"), names)
    scenario = names["test_serves_while_memory_is_short"]
    assert callable(scenario)
    (marker,) = vars(scenario)["pytestmark"]
    scenario(device_factory(**marker.kwargs))


def blocks() -> list[str]:
    """Return the shell blocks of docs/how-to/run-a-device.md, with free ports."""
    text = BY_HAND.read_text(encoding="utf-8")
    for port in ("8080", "8443"):
        text = text.replace(port, str(free_port()))
    return re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


@pytest.mark.boards("lx60")
def test_run_a_device(tmp_path: Path) -> None:
    """The commands work in order in an empty folder, and the device answers them."""
    _, start, ask = blocks()
    build.firmware(BOARDS["lx60"])  # a build may take longer than the start of a device may
    more = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    if shutil.which("curl") is None:
        (tmp_path / "curl").write_text(CURL.format(python=sys.executable))
        (tmp_path / "curl").chmod(0o755)
        more["PATH"] = f"{tmp_path}:{more['PATH']}"
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


@pytest.mark.boards("lx60")
def test_run_an_image(tmp_path: Path) -> None:
    """The command for an image needs no board, and the block with the address is as shown."""
    start, *_ = blocks()
    shutil.copy(planted.firmware(), tmp_path / "firmware.bin")
    more = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["bash", "-ec", start]
    with ended(Up(command, folder=tmp_path, more=more, terminal=True)) as up:
        up.wait_for(r"^keys ")
        shown = up.shown
        up.type("\x14")
        up.wait_for(r"^heap ")
    text = BY_HAND.read_text(encoding="utf-8")
    (keys,) = re.findall(r"^keys .*$", text, re.M)
    assert f"{keys}\n" in shown
    (port,) = re.findall(r"--https-port (\d+)", start)
    assert (
        f"\ntry          curl -k https://127.0.0.1:{port}/  (-k: curl cannot verify it)\n" in shown
    )
