# SPDX-License-Identifier: MIT
"""`espbench up`: its output, its password, the device's network, and how it ends."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import termios
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from at_once import repeated_segments
from espbench.boards.builtin import ESP32, LX60
from espbench.cli.main import main
from espbench.clients import Endpoint
from espbench.clients.errors import WebReplError
from espbench.clients.webrepl import WebRepl
from espbench.errors import ConfigError
from espbench.firmware import build
from espbench.flash.partition_table import TABLE_AT, Partition
from espbench.interactive.up import CERT, UpOptions, start_files
from espbench.interactive.webrepl_password import (
    LENGTH,
    VARIABLE,
    chosen_password,
    random_password,
    with_password,
)
from remote_gdb import RemoteGdb
from tables import made
from up_process import Up, running

BUILT_IN = "espbench"
"""The default application's password, unless its configuration sets another."""


@pytest.fixture(scope="module")
def firmware() -> str:
    """Return the firmware of the tree."""
    return str(build.firmware(LX60))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder for the device's files."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


# ------------------------------------------------------------------- password


def test_random_passwords_differ() -> None:
    """All of them differ, and each can be typed."""
    made = {random_password() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(rf"[a-z2-9]{{{LENGTH}}}", password) for password in made)


def test_a_chosen_password() -> None:
    """A variable sets it, so no process list shows it; an invalid one is rejected."""
    assert chosen_password({VARIABLE: "of my own"}) == "of my own"
    assert chosen_password({VARIABLE: ""}) != chosen_password({})
    for bad in ("x" * 129, "a\nb", "Füße"):
        with pytest.raises(ConfigError) as error:
            chosen_password({VARIABLE: bad})
        assert str(error.value) == (
            "ESPBENCH_WEBREPL_PASSWORD is not a valid WebREPL password: use at most 128 printable "
            "ASCII characters."
        )


def test_a_password_beside_a_configuration(tmp_path: Path) -> None:
    """It is added to /config.json, unless the user sets a password there or has a main.py."""
    config = tmp_path / "config.json"
    config.write_text('{"webrepl": {"path": "/repl"}, "wsserver": {"path": "/chat"}}')
    known = with_password({"/config.json": config}, "new")
    assert known.password == "new"
    assert json.loads(known.files["/config.json"]) == {
        "webrepl": {"path": "/repl", "password": "new"},
        "wsserver": {"path": "/chat"},
    }
    config.write_text('{"webrepl": {"password": "mine"}}')
    for files in ({"/config.json": config}, {"/main.py": b""}):
        known = with_password(files, "new")
        assert known.files == files
        assert (known.password, known.source) == (None, next(iter(files)))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", r"/config\.json is not JSON \(.+\): correct it\."),
        ("[]", r"/config\.json is not a JSON object: correct it\."),
        ('{"webrepl": null}', r'/config\.json has no object under "webrepl": correct it\.'),
    ],
)
def test_a_configuration_that_would_leave_the_built_in_password(text: str, said: str) -> None:
    """An invalid configuration is rejected, or the public built-in password would apply."""
    with pytest.raises(ConfigError, match=f"^{said}$"):
        with_password({"/config.json": text.encode()}, "new")


# ------------------------------------------------------------------- the device


def log_in(up: Up, password: str) -> None:
    """Log in to the WebREPL at the address shown, and run a line there."""
    address = up.wait_for(r"^webrepl-ws +ws://127\.0\.0\.1:(\d+)/webrepl$")
    with Endpoint(int(address[1])).websocket("/webrepl") as socket:
        assert WebRepl(socket, password).line("6 * 7") == "42\n"


def test_password_and_network(firmware: str) -> None:
    """The password is random and not on a command line; the device cannot open connections."""
    with running("--firmware", firmware) as up:
        password = up.wait_for(r"^password +(\S+)  \(WebREPL, and the terminal of the page\)$")[1]
        command = up.qemu().cmdline()
        assert any("restrict=on" in word for word in command)
        assert not any(password in word for word in command)
        assert not any("seed=" in word or "wlan_password" in word for word in command)
        assert not any("filter-dump" in word for word in command)  # it would grow for days
        for name in ("http", "https", "ws", "wss", "webrepl-wss"):
            up.wait_for(rf"^{name} +\w+://127\.0\.0\.1:\d+/")
        with pytest.raises(WebReplError, match="refused the WebREPL's password"):
            log_in(up, BUILT_IN)
        log_in(up, password)


def test_with_internet_and_a_chosen_password(firmware: str) -> None:
    """`--internet` lets the device open connections; a variable sets the password."""
    more = {VARIABLE: "a word of my own"}
    with running("--firmware", firmware, "--internet", more=more) as up:
        up.wait_for(r"^password +a word of my own  ")
        assert not any("restrict" in word for word in up.qemu().cmdline())
        log_in(up, more[VARIABLE])


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (
            "print('mine')\n",
            "The program has ended, and MicroPython is at its prompt, so it did not listen",
        ),
        ("import time\nprint('mine')\nwhile True:\n    time.sleep(1)\n", ""),
    ],
    ids=["ends", "runs"],
)
def test_a_program_that_serves_nothing(
    program: str, why: str, firmware: str, project: Path
) -> None:
    """Only addresses that answer are shown, including those that begin to answer later."""
    (project / "main.py").write_text(program)
    more = {"ESPBENCH_TIMEOUT_SCALE": "0.2"}
    with running("--firmware", firmware, "--files", str(project), terminal=True, more=more) as up:
        up.wait_for(r"^mine$")
        up.wait_for(
            r"^Nothing answers on the device's ports 80 and 443 yet\. Servers that start later are "
            r"shown here\.$"
        )
        assert why in up.shown
        assert "://" not in up.shown
        assert "password" not in up.shown
        up.type("\x03")
        up.wait_for(r"^>>> ")
        up.type("import bench_app; bench_app.main()\n")
        up.wait_for(r"^http +http://127\.0\.0\.1:\d+/$")


def test_its_terminal(firmware: str) -> None:
    """The terminal's keys are explained before the console shows anything."""
    with running("--firmware", firmware, terminal=True) as up:
        up.wait_for(r"^password ")
        assert up.shown.startswith(
            "This terminal is the device's console: it shows the device's output and sends what "
            "you type.\nCtrl-] ends espbench up. Ctrl-T shows the addresses, the heap and the "
            "tasks. Ctrl-C stops the device's program and opens MicroPython's prompt >>>; Ctrl-D "
            "there restarts the program.\n"
        )
        up.type("\x03")
        up.wait_for(r"^KeyboardInterrupt: ?$")
        up.type("6 * 7\n")
        up.wait_for(r"^42$")
        assert up.process.poll() is None
        assert not termios.tcgetattr(up.terminal)[3] & termios.ICANON
        up.type("\x1d")
        assert up.process.wait(20) == 0
        assert termios.tcgetattr(up.terminal)[3] & termios.ICANON


def test_for_programs(firmware: str) -> None:
    """With --json, standard output has one document; all else goes to standard error."""
    command = [sys.executable, "-m", "espbench", "up", "--firmware", firmware, "--json"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
            assert lines[-1], lines
        process.terminate()
        rest, said = process.communicate(timeout=60)
    assert rest == ""
    document = json.loads("".join(lines))
    assert set(document["addresses"]) >= {"http", "https", "ws", "wss", "webrepl-ws"}
    assert len(document["password"]) == LENGTH
    assert "The device's output follows; Ctrl-C ends espbench up." in said


def test_an_address_for_others_is_warned_of(tiny_firmware: Callable[[bytes], Path]) -> None:
    """Ports that are open to others cause a warning about access and encryption."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        port = probe.getsockname()[1]
    firmware = str(tiny_firmware(b"hello up\r\n"))
    with running("--firmware", firmware, "--host", "0.0.0.0", "--http-port", str(port)) as up:
        up.wait_for(r"^hello up$")
        assert (
            "--host 0.0.0.0: anyone who can reach this machine there can reach the device, and "
            "with the WebREPL's password its REPL. Over http, that password is not encrypted.\n"
            in up.shown
        )


def test_clients_at_once(tiny_firmware: Callable[[bytes], Path]) -> None:
    """Any number of clients may connect at the same moment, to whichever image."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running(str(tiny_firmware(b"hello\r\n")), "--http-port", str(port)) as up:
        up.wait_for(r"^hello$")
        assert repeated_segments(port) == 0


# ------------------------------------------------------------------- the firmware


def test_an_image_without_an_option(tiny_firmware: Callable[[bytes], Path]) -> None:
    """The firmware may be named without `--firmware`."""
    with running(str(tiny_firmware(b"hello image\r\n"))) as up:
        up.wait_for(r"^hello image$")


def test_an_image_that_says_when_it_is_ready(tiny_firmware: Callable[[bytes], Path]) -> None:
    """With a readiness, `up` waits for that, and then says at once what answers."""
    image = str(tiny_firmware(b"hello image\r\nready\r\n"))
    with running(image, "--ready-console", "^ready", "--ports", "http=8080") as up:
        up.wait_for(r"^Nothing answers on the device's ports 8080 yet", 15)
    with running(image, "--ready-console", "^never", "--ready-timeout", "1") as up:
        up.wait_for(r"^espbench: .* did not print something that matches '\^never' within")


def test_the_firmware_named_twice(capsys: pytest.CaptureFixture[str]) -> None:
    """Two firmwares are refused before anything starts."""
    assert main(["up", "a.bin", "--firmware", "b.bin"]) == 1
    said = capsys.readouterr().err
    assert said == "espbench: The firmware is given twice: omit IMAGE or --firmware.\n"


def test_a_firmware_without_a_file_system(tmp_path: Path) -> None:
    """It gets no test certificate, but files that the user named are not dropped silently.

    A firmware with another file system than MicroPython's gets those files alone, too.
    """
    image = tmp_path / "firmware.bin"
    factory = Partition("factory", 0, 0, 0x10000, 0x1F0000)
    options = UpOptions(ESP32, image, {}, password="secret")
    image.write_bytes(b"\xe9".ljust(TABLE_AT, b"\xff") + made([factory]))
    assert start_files(options).files == {}
    chosen = replace(options, files=tmp_path)
    assert set(start_files(chosen).files) == {"/firmware.bin"}
    spiffs = Partition("storage", 1, 0x82, 0x200000, 0x100000)
    image.write_bytes(b"\xe9".ljust(TABLE_AT, b"\xff") + made([factory, spiffs]))
    assert start_files(options).files == {}
    assert set(start_files(chosen).files) == {"/firmware.bin"}
    vfs = Partition("vfs", 1, 0x81, 0x200000, 0x200000)
    image.write_bytes(b"\xe9".ljust(TABLE_AT, b"\xff") + made([factory, vfs]))
    assert start_files(options).password == "secret"
    assert CERT in start_files(options).files


# ------------------------------------------------------------------- gdb


def test_a_device_that_waits_for_gdb(tiny_firmware: Callable[[bytes], Path]) -> None:
    """The command to attach is shown first; nothing runs until a debugger continues."""
    firmware = tiny_firmware(b"hello gdb\r\n")
    with running(str(firmware), "--gdb-wait") as up:
        found = up.wait_for(
            r"^The device waits for gdb, and starts when gdb continues\. In another terminal:\n"
            rf"  \S*xtensa-lx106-elf-gdb -ex 'target remote 127\.0\.0\.1:(\d+)' {firmware}\n"
        )
        with contextlib.closing(RemoteGdb(int(found[1]))) as gdb:
            assert gdb.ask("?").startswith("T05")
            up.wait_for(r"^The device's output follows")
            assert "hello gdb" not in up.shown
            gdb.detach()
        up.wait_for(r"^hello gdb$")


def test_the_elf_file_for_gdb(
    firmware: str,
    tiny_firmware: Callable[[bytes], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An ELF file elsewhere is named, and has to be that of the firmware."""
    elf = tmp_path / "symbols.elf"
    options = ("up", firmware, "--gdb", "--firmware-elf", str(elf))
    assert main(options) == 1
    said = capsys.readouterr().err
    assert said == f"espbench: The file {elf} does not exist: check its path.\n"
    elf.write_bytes(Path(firmware).read_bytes())
    with running(*options[1:]) as up:
        up.wait_for(rf"'target remote 127\.0\.0\.1:\d+' {elf}$")
    elf.write_bytes(tiny_firmware(b"another").read_bytes())
    assert main(options) == 2
    assert "symbols.elf comes from a different build than " in capsys.readouterr().err


def test_foreign_program_that_raises(tiny_firmware: Callable[[bytes], Path]) -> None:
    """The exception is shown as soon as the program has ended, although nothing reports servers."""
    text = b'Traceback (most recent call last):\r\n  File "main.py", line 5\r\nKeyError: x\r\n>>> '
    options = ("--firmware", str(tiny_firmware(text)), "--ready-timeout", "3600")
    with running(*options) as up:
        up.wait_for(r"^Looking for its servers, which may log errors meanwhile\.$")
        up.wait_for(
            r"^espbench: KeyError: x \(main\.py, line 5\) ended the program, so it did not open a "
            r"listening port$"
        )
        up.wait_for(r"^Nothing answers on the device's ports 80 and 443 yet\.")


def test_a_port_for_gdb(
    tiny_firmware: Callable[[bytes], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """A chosen port stays the same, for the settings of an editor; it has to be free."""
    firmware = str(tiny_firmware(b"hello gdb\r\n"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["up", firmware, "--gdb-port", str(port)]) == 1
        assert capsys.readouterr().err.startswith(f"espbench: Port {port} of 127.0.0.1 is in use")
    with running(firmware, "--gdb-port", str(port)) as up:
        up.wait_for(r"^To debug the device, in another terminal:$")
        up.wait_for(rf"'target remote 127\.0\.0\.1:{port}'")
        up.wait_for(r"^hello gdb$")
        with contextlib.closing(RemoteGdb(port)) as gdb:
            gdb.detach()
