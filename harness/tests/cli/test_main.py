# SPDX-License-Identifier: MIT
"""The command line: error messages, help texts with examples, and clean exits."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from espbench.boards.builtin import BOARDS
from espbench.cli import main as cli
from espbench.errors import ConfigError, PortInUse
from espbench.firmware import sources
from espbench.interactive import up

COMMANDS = ("doctor", "setup", "build", "run", "up", "certs", "timings", "measure", "gate")


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command has --board, --json and an example."""
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"example:\n  espbench {command}" in text
    assert "--board NAME" in text
    assert "--json" in text


def test_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a command, it prints the help, with each command once, and exits with status 2."""
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    for command in (*COMMANDS, "parity", "record", "replay", "ci"):
        assert len(re.findall(rf"^  {command} +[a-z]", said.err, re.MULTILINE)) == 1
    assert (
        "measure:\n"
        "  timings  time boots, handshakes and requests on this machine, in ms and per second\n"
        "  measure  count instructions and bytes of memory, which are the same on every machine\n"
        "  gate     measure, and compare with a baseline: exit status 1 if a figure got worse\n"
        in said.err
    )
    assert max(map(len, said.err.splitlines())) < 100
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert capsys.readouterr().out == said.err
    with pytest.raises(SystemExit) as ended:
        cli.main(["--"])
    assert ended.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("bench", "--quick"), "`espbench bench` is now `espbench timings`"),
        (("figures",), "`espbench figures` is now `espbench measure`"),
        (
            ("gate", "--baseline", "x", "--json", "gate.json"),
            "--json takes no file: write `--json > gate.json`",
        ),
        (("measure", "--json", "m.json"), "--json takes no file: write `--json > m.json`"),
    ],
)
def test_earlier_names(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Earlier names of commands and options give an error with the current name."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == f"espbench: error: {said}"


def test_json_is_alone_on_standard_output(
    tiny_firmware: Callable[[], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json, the tables and sentences of `gate` and `measure` go to standard error."""
    options = ("--firmware", str(tiny_firmware()), "--ready-console", "^ready", "--quick", "--json")
    baseline = ("--baseline", str(tmp_path / "baseline.json"))
    for command in (("gate", *baseline, "--update"), ("gate", *baseline), ("measure",)):
        assert cli.main([*command, *options]) == 0
        said = capsys.readouterr()
        assert json.loads(said.out)["figures"]
        assert "┃ figure" in said.err


def test_help_of_parity(capsys: pytest.CaptureFixture[str]) -> None:
    """`parity`, which takes --boards, has an example too."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["parity", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "example:\n  espbench parity" in text
    assert "--boards ONE,OTHER" in text


def test_list_of_suites(capsys: pytest.CaptureFixture[str]) -> None:
    """`espbench run --list` shows each suite with a description, and runs none."""
    assert cli.main(["run", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert cli.main(["run", "--list", "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    assert [line.split(maxsplit=1) for line in lines] == [list(pair) for pair in known.items()]
    assert {"limits", "limits/saturation", "smoke"} <= known.keys()


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that fails with status 1, and return its standard error."""
    assert cli.main(arguments) == 1
    return capsys.readouterr().err


def test_unknown_board(capsys: pytest.CaptureFixture[str]) -> None:
    """The error for an unknown board lists the known ones."""
    said = fails(capsys, "build", "--board", "esp8266")
    known = "esp32, esp32c3, esp32c6, esp32s3, lx60"
    assert said == f"espbench: Unknown board 'esp8266': choose one of {known}.\n"


def test_missing_firmware(capsys: pytest.CaptureFixture[str]) -> None:
    """A missing firmware file gives one clear sentence."""
    for command in ("up", "timings"):
        assert fails(capsys, command, "--firmware", "/no/such.elf") == (
            "espbench: The firmware /no/such.elf does not exist: check --firmware.\n"
        )


def test_unknown_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    """The error for an unknown recipe lists the known ones."""
    said = fails(capsys, "certs", "p255")
    assert said.startswith("espbench: Unknown recipe 'p255': choose from p256, ")


def test_certs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Recipes are written to folders, and listed as text or as JSON."""
    assert cli.main(["certs", "p256", "expired", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("p256     starts   ECDSA P-256")
    key = tmp_path / "p256" / "prvtkey.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert cli.main(["certs", "p256", "--json", "--out", str(tmp_path)]) == 0
    (recipe,) = json.loads(capsys.readouterr().out)
    assert recipe["starts"] is True
    assert str(key) in recipe["files"]


def test_certs_stay_out_of_git(tmp_path: Path) -> None:
    """Certificates cannot be committed by accident, and keys are readable by the owner only."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    key = tmp_path / "keys" / "p256" / "prvtkey.pem"
    key.parent.mkdir(parents=True)
    key.touch(mode=0o644)
    arguments = ["certs", "p256", "expired", "--out", str(tmp_path / "keys")]
    assert cli.main(arguments) == 0
    assert key.stat().st_mode & 0o777 == 0o600
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    seen = subprocess.run(status, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert seen.stdout == ""
    (key.parent / ".gitignore").write_text("!servercert.pem\n")
    assert cli.main(arguments) == 0
    assert (key.parent / ".gitignore").read_text() == "!servercert.pem\n"


def test_certs_say_which_file_is_whose(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last line says which files are for the device and which for clients."""
    assert cli.main(["certs", "p256", "--out", str(tmp_path)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (
        f"written to {tmp_path}/NAME/: servercert.pem and prvtkey.pem go on the device, and "
        "clients trust trust.pem"
    )


def test_certs_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that cannot be created gives one clear sentence."""
    (tmp_path / "file").touch()
    assert fails(capsys, "certs", "p256", "--out", str(tmp_path / "file")) == (
        f"espbench: {tmp_path}/file/p256 cannot be written (Not a directory): choose another "
        "folder with --out.\n"
    )


def test_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends any command with status 130."""

    def interrupted(*_arguments: object, **_options: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("espbench.doctor.doctor.examine", interrupted)
    assert cli.main(["doctor"]) == 130


def test_full_disk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A full disk gives one clear sentence, not a traceback."""

    def full(*_arguments: object, **_options: object) -> object:
        raise OSError(errno.ENOSPC, "No space left on device", "/some/report.html")

    monkeypatch.setattr("espbench.doctor.doctor.examine", full)
    assert fails(capsys, "doctor") == (
        "espbench: The disk is full, so /some/report.html could not be written: free some space.\n"
    )


def test_closed_pipe() -> None:
    """`espbench certs --list | head -1` ends without a traceback."""
    command = f"{sys.executable} -m espbench certs --list | head -1"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert result.stdout.startswith("p256")


# ------------------------------------------------------------------------ up


def up_options(**options: object) -> up.UpOptions:
    """Return options for `up`."""
    return up.UpOptions(BOARDS["lx60"], Path(), {}, **options)  # type: ignore[arg-type]


def test_port_in_use() -> None:
    """A fixed port that is in use is reported before anything starts."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse) as error:
            up.check_free(port)
    assert str(error.value) == (
        f"Port {port} of 127.0.0.1 is in use: end the program that uses it (see ss -ltnp), "
        "choose another, or omit the option for a free one."
    )
    up.check_free(port)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_no_port(port: int) -> None:
    """A port out of range is rejected."""
    with pytest.raises(ConfigError) as error:
        up.check_free(port)
    assert str(error.value) == f"{port} is not a valid port: choose one from 1 to 65535."


def test_certificate_without_key(tmp_path: Path) -> None:
    """A certificate needs its key."""
    with pytest.raises(ConfigError) as error:
        up.device_files(up_options(cert=tmp_path))
    assert (
        str(error.value) == "A certificate needs its key: give both --cert and --key, or neither."
    )


def test_missing_folder() -> None:
    """The error for a missing folder of files names it."""
    with pytest.raises(ConfigError) as error:
        up.device_files(up_options(files=Path("/no/such")))
    assert str(error.value) == "The folder /no/such does not exist: check --files."


def test_files_and_certificates(tmp_path: Path) -> None:
    """The folder's files go on the device; a certificate is generated unless it has one."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.py").write_text("x = 1\n")
    files = up.device_files(up_options(files=tmp_path))
    assert files["/lib/a.py"] == tmp_path / "lib" / "a.py"
    assert {up.CERT, up.KEY} <= set(files)
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "servercert.pem").write_text("mine")
    files = up.device_files(up_options(files=tmp_path))
    assert up.KEY not in files


def children() -> list[int]:
    """Return the pids of QEMU processes that descend from this one."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "qemu" in process.name():
                found.append(process.pid)
    return found


def read_until(descriptor: int, wanted: bytes, seconds: float = 20.0) -> bytes:
    """Read from a terminal until `wanted` appears, and return the output."""
    seen, end = b"", time.monotonic() + seconds
    while wanted not in seen:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        assert ready, f"{wanted!r} did not come: {seen!r}"
        seen += os.read(descriptor, 4096)
    return seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_ends_qemu(tiny_firmware: Callable[[bytes], Path], number: signal.Signals) -> None:
    """`up` shows the console in a terminal; Ctrl-C and SIGTERM end it and its QEMU."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "espbench", "up", "--firmware", str(tiny_firmware(b"hello up\r\n"))],
        stdin=theirs, stdout=theirs, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        read_until(ours, b"hello up")
        qemu = children()
        assert len(qemu) == 1
        process.send_signal(number)
        assert process.wait(20) == 128 + number
    os.close(ours)
    assert not psutil.pid_exists(qemu[0]) or children() == []


def test_up_on_an_address(tiny_firmware: Callable[[bytes], Path], tmp_path: Path) -> None:
    """`--host 0.0.0.0` makes a chosen port listen on every address, as a container needs."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        port = probe.getsockname()[1]
    firmware = str(tiny_firmware(b"hello up\r\n"))
    command = ["up", "--firmware", firmware, "--host", "0.0.0.0", "--http-port", str(port)]
    with subprocess.Popen(
        [sys.executable, "-m", "espbench", *command],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            read_until(process.stdout.fileno(), b"hello up")
            (qemu,) = children()
            both = (psutil.Process(each) for each in (process.pid, qemu))
            connections = [each for one in both for each in one.net_connections("tcp4")]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
    listening = {tuple(c.laddr) for c in connections if c.status == psutil.CONN_LISTEN}
    assert ("0.0.0.0", port) in listening
    assert {ip for ip, number in listening if number != port} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--host", "192.0.2.1", "--http-port", "8080"),
            "'192.0.2.1' is not an IPv4 address of this machine: choose one that `ip addr` shows, "
            "or 0.0.0.0 for all of them.",
        ),
        (
            ("--host", "0.0.0.0"),
            "--host applies only to chosen ports: give --http-port or --https-port as well.",
        ),
    ],
)
def test_up_refuses_an_address(
    options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A foreign address, or an address without a port, gives one clear sentence."""
    assert fails(capsys, "up", *options) == f"espbench: {said}\n"


def test_up_refuses_a_taken_port(
    tiny_firmware: Callable[[bytes], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """`up --http-port` with a port in use gives one clear sentence."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = fails(capsys, "up", "--firmware", str(tiny_firmware(b"x")), "--http-port", port)
    assert said.startswith(f"espbench: Port {port} of 127.0.0.1 is in use: ")


def test_sources_variable_is_honoured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A leading ~ in ESPBENCH_CACHE stands for the user's home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ESPBENCH_CACHE", "~/cache")
    assert sources.cache_folder() == tmp_path / "cache"
