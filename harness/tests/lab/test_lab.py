# SPDX-License-Identifier: MIT
"""Emulated boards as places of labgrid, with two concurrent clients on loopback."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.certs import recipes
from espbench.firmware import build
from espbench.util.tempdirs import PREFIX
from espbench.util.timeouts import Deadline
from lab import Lab, packages, qemus, watched

# Two emulated boards, and one that stands for a real board at a given address.
RESOURCES = """
# for n in [1, 2]
lx60-{{{{ n }}}}:
  console:
    cls: EspbenchConsole
    unit: lx60-{{{{ n }}}}
    firmware: {firmware}
    cert: {certs}/servercert.pem
    key: {certs}/prvtkey.pem
  power: {{cls: EspbenchPower, unit: 'lx60-{{{{ n }}}}'}}
  board: {{cls: EspbenchBoard, unit: 'lx60-{{{{ n }}}}'}}
# endfor
esp32-7:
  NetworkService: {{address: 192.0.2.7, username: root}}
"""

ENVIRONMENT = """
targets:
  main:
    resources:
      RemotePlace: {{name: {place}}}
    drivers:
      SerialDriver: {{}}
      NetworkPowerDriver: {{delay: 0.0}}
      EspbenchDriver: {{}}
imports: [espbench.lab.driver]
"""

# A user's test, with a rendezvous: each client waits until the other one has connected.
TEST = """
import socket, ssl, urllib.request
import pytest

@pytest.fixture
def board(target):
    return target.get_driver("EspbenchDriver")

@pytest.fixture
def console(target):
    return target.get_driver("ConsoleProtocol")

@pytest.fixture
def power(target):
    return target.get_driver("PowerProtocol")

def get(url):
    trust = ssl.create_default_context(cafile={trust!r})
    with urllib.request.urlopen(url, timeout=20, context=trust) as answer:
        return answer.read()

def test_board(board, console, power):
    board.wait_ready("/hello")
    with socket.create_connection(("127.0.0.1", {meeting})) as meeting:
        meeting.settimeout(60)
        assert meeting.recv(1) == b"x"
    assert len(board.board.webrepl_password) == 12
    http, https = board.url("/hello"), board.url("/hello", "https")
    assert get(http) == get(https) != b""
    power.off()
    assert power.get() is False
    with pytest.raises(OSError):
        get(http)
    power.on()
    assert power.get() is True
    board.wait_ready("/hello")
    assert board.url("/hello") == http, "the address survives a power cycle"
    assert get(http) == get(https)
    console.sendcontrol("c")
    console.expect(">>> ", timeout=20)
    console.sendline("print('board', 6 * 7)\\r")
    console.expect("board 42", timeout=20)
    with pytest.raises(Exception, match="has no address for ftp"):
        board.url("/", "ftp")
"""


@pytest.fixture(scope="module")
def site() -> Path:
    """Return the folder with labgrid."""
    return packages()


@pytest.fixture
def lab(tmp_path: Path, site: Path) -> Iterator[Lab]:
    """Return a lab with a coordinator."""
    with Lab(tmp_path, site) as lab:
        yield lab


@pytest.fixture
def exporter(lab: Lab) -> subprocess.Popen[bytes]:
    """Return an exporter of two emulated boards and a real one, each with a place."""
    recipes()["p256"].write(lab.folder / "certs")
    firmware = build.firmware(BOARDS["lx60"])
    process = lab.export(RESOURCES.format(firmware=firmware, certs=lab.folder / "certs"))
    for name in ("lx60-1", "lx60-2", "esp32-7"):
        lab.place(name, f"emulated/{name}/*")
    return process


def test_two_clients_at_once(lab: Lab, exporter: subprocess.Popen[bytes]) -> None:
    """Two users each lease a board and test it concurrently; nothing runs before or after."""
    users = {"alice": "lx60-1", "bob": "lx60-2"}
    assert qemus(exporter) == [], "no place is acquired"
    for user, place in users.items():
        lab.does("-p", place, "acquire", user=user)
    running = qemus(exporter)
    assert len(running) == 2

    status, said = lab.client("-p", "lx60-1", "acquire", user="bob")
    assert status == 1
    assert "Error: Place lx60-1 is already acquired by" in said
    assert qemus(exporter) == running

    # Both clients wait at the meeting until both have connected.
    with socket.create_server(("127.0.0.1", 0)) as meeting:
        meeting.settimeout(Deadline(30).seconds)
        clients = {}
        for user, place in users.items():
            folder = lab.folder / user
            folder.mkdir()
            test, environment = folder / "test_board.py", folder / "env.yaml"
            environment.write_text(ENVIRONMENT.format(place=place))
            test.write_text(
                TEST.format(
                    trust=str(lab.folder / "certs" / "trust.pem"),
                    meeting=meeting.getsockname()[1],
                )
            )
            clients[user] = lab.tests(environment, test, user)
        try:
            here = [meeting.accept()[0] for _ in users]
        except TimeoutError:
            pytest.fail("\n".join(lab.log(user) for user in users))
        for end in here:
            end.sendall(b"x")
            end.close()
    for user, client in clients.items():
        client.wait(Deadline(120).seconds)
        assert client.returncode == 0, lab.log(user) + lab.log("exporter")
        assert "1 passed" in lab.log(user)

    with watched(qemus(exporter)):
        for user, place in users.items():
            lab.does("-p", place, "release", user=user)
    assert qemus(exporter) == []


def test_place_of_a_real_board(lab: Lab, exporter: subprocess.Popen[bytes]) -> None:
    """A real board is leased with the same commands, and nothing starts."""
    lab.does("-p", "esp32-7", "acquire")
    assert "192.0.2.7" in lab.does("-p", "esp32-7", "show")
    assert lab.client("-p", "esp32-7", "acquire", user="bob")[0] == 1
    lab.does("-p", "esp32-7", "release")
    lab.does("-p", "esp32-7", "acquire", user="bob")
    assert qemus(exporter) == []


def test_labgrid_client_switches_power(lab: Lab, exporter: subprocess.Popen[bytes]) -> None:
    """labgrid's own command switches the board: off ends QEMU, and on starts another one."""
    environment = lab.folder / "env.yaml"
    environment.write_text(ENVIRONMENT.format(place="lx60-1"))
    power = ("-c", str(environment), "-p", "lx60-1", "power")
    lab.does("-p", "lx60-1", "acquire")
    assert lab.does(*power, "get").strip().endswith("is on")
    before = qemus(exporter)
    lab.does(*power, "off")
    assert qemus(exporter) == []
    assert lab.does(*power, "get").strip().endswith("is off")
    lab.does(*power, "on")
    assert len(qemus(exporter)) == 1
    assert qemus(exporter) != before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_exporter_ends(lab: Lab, exporter: subprocess.Popen[bytes], number: int) -> None:
    """However the exporter ends, its QEMUs end; after SIGTERM, their files are removed too."""
    for place in ("lx60-1", "lx60-2"):
        lab.does("-p", place, "acquire")
    running = qemus(exporter)
    assert len(running) == 2
    with watched(running):
        exporter.send_signal(number)
        exporter.wait(Deadline(20).seconds)
    if number == signal.SIGTERM:
        assert list(lab.temporary.glob(f"{PREFIX}*")) == []


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        (
            "a: {console: {cls: EspbenchConsole, unit: a, board: esp8266}}",
            "Unknown board 'esp8266': choose one of esp32, esp32c3, esp32c6, esp32s3, lx60.",
        ),
        (
            "a: {console: {cls: EspbenchConsole, unit: a, firmware: /no/such.elf}}",
            "The firmware /no/such.elf does not exist: name one with --firmware (pytest: "
            "--espbench-firmware, Device: firmware), or omit that option to build espbench's own.",
        ),
        (
            "a: {console: {cls: EspbenchConsole}}",
            "An emulated board's NetworkSerialPort has no unit: give its three resources the same, "
            "such as unit: lx60-1 (real boards are labgrid-exporter's).",
        ),
        (
            "a: {console: {cls: EspbenchConsole, unit: a, port: 1}}",
            "The unit a has an unknown option 'port': choose from unit, board, firmware, files, "
            "cert, key, args, internet, listen.",
        ),
        (
            "a: {console: {cls: EspbenchConsole, unit: a, internet: maybe, firmware: x}}",
            "The internet of unit a is 'maybe': write true or false.",
        ),
        (
            "a: {console: {cls: EspbenchConsole, unit: a, args: heap, firmware: x}}",
            "The args of unit a are not a mapping: write args: {heap: 65536}.",
        ),
    ],
)
def test_bad_resources(tmp_path: Path, site: Path, resources: str, said: str) -> None:
    """An error in the exporter's file is reported in one sentence, and the exporter ends."""
    (tmp_path / "exporter.yaml").write_text(resources)
    with Lab(tmp_path, site) as lab:
        result = subprocess.run(
            [sys.executable, "-m", "espbench.lab.exporter", "exporter.yaml"],
            cwd=tmp_path,
            env=lab.environment,
            capture_output=True,
            text=True,
            timeout=Deadline(60).seconds,
            check=False,
        )
    assert result.returncode == 1
    assert f"espbench: {said}" in result.stderr.splitlines()
    assert "Traceback" not in result.stderr


def test_without_labgrid() -> None:
    """Without labgrid, the exporter says how to install it."""
    code = "import sys; sys.modules['labgrid'] = None; from espbench.lab import exporter; "
    code += "sys.exit(exporter.main())"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1
    assert result.stderr.startswith("espbench: espbench-exporter needs labgrid (")
    assert result.stderr.endswith("): pip install 'espbench[lab]'.\n")


SESSIONS = {
    "plain": ("def test_it(): pass\n", (), 0, "1 passed"),
    "lab": ("def test_it(target): pass\n", (), 0, "missing environment config"),
    "dut": ("def test_it(): pass\n", ("--embedded-services=qemu",), 4, "ERROR: labgrid and pytest"),
}
"""A test, options, and their outcome when both plugins are loaded."""


@pytest.mark.parametrize("kind", SESSIONS)
def test_with_pytest_embedded(kind: str, lab: Lab) -> None:
    """labgrid's sessions work beside pytest-embedded; one that also uses duts is rejected.

    It would skip all tests, because pytest-embedded makes every test use its fixture `target`.
    """
    source, options, status, said = SESSIONS[kind]
    (lab.folder / "test_it.py").write_text(source)
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", *options, "test_it.py"],
        cwd=lab.folder,
        env=lab.environment,
        capture_output=True,
        text=True,
        timeout=Deadline(60).seconds,
        check=False,
    )
    assert result.returncode == status
    assert said in result.stdout + result.stderr
