# SPDX-License-Identifier: MIT
"""Recordings: valid and invalid archives, QEMU's arguments, and the plugin's options."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from espbench.boards.builtin import BOARDS, LX60
from espbench.cli import main as cli
from espbench.device.device import Device
from espbench.errors import ArchiveError, ConfigError, ConsoleTimeout, DiskFull, QemuDied, QmpError
from espbench.qemu.discovery import find_qemu
from espbench.qemu.guest_memory import symbol_address
from espbench.qemu.process import Machine, Wires, command_line
from espbench.qemu.record_replay import Recording, is_repeated, stream_pair
from espbench.qemu.uart_pacing import RecordedPace
from espbench.recording import archive, replay
from espbench.recording.archive import Manifest
from espbench.recording.replay import choose_qemu, first_difference, panics
from espbench.reporting.evidence import folder_name
from espbench.util.timeouts import Deadline
from installed import TREE

MANIFEST = Manifest(
    espbench="0.1.0",
    board="lx60",
    ram="16M",
    qemu="7.2.22",
    boot_arguments={"seed": "5e"},
    shift=2,
    captured=True,
    subnet=None,
    internet=False,
    extra=[],
    firmware="firmware.elf",
    elf="firmware.elf",
    test="test_x.py::test_it",
    panics=[],
    unrepeatable=[],
    ended="ended with exit status 0",
)
NAMES = (archive.FLASH, archive.LOG, archive.CONSOLE, "firmware.elf")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Return an archive whose files contain their own names, many times."""
    files = {}
    for name in NAMES:
        files[name] = tmp_path / name
        files[name].write_text(f"{name} " * 500)
    path = tmp_path / "recording.espbench"
    archive.write(path, MANIFEST, files)
    return path


def test_archive_is_private(written: Path) -> None:
    """Only its owner can read the flash image and the boot arguments in it."""
    assert written.stat().st_mode & 0o777 == 0o600


def test_archive_comes_back(written: Path, tmp_path: Path) -> None:
    """A written archive can be read, with a checksum for each file."""
    folder = tmp_path / "unpacked"
    folder.mkdir()
    manifest = archive.unpack(written, folder)
    assert dataclasses.replace(manifest, files={}) == MANIFEST
    assert set(manifest.files) == set(NAMES)
    assert {path.name for path in folder.iterdir()} == set(NAMES)
    assert (folder / archive.LOG).read_text() == f"{archive.LOG} " * 500


def rewritten(path: Path, change: Callable[[dict[str, object]], object], drop: str = "") -> Path:
    """Return a copy of an archive with a changed manifest, and optionally without one file."""
    copy = path.with_name("copy.espbench")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        content = json.loads(old.read(archive.MANIFEST))
        change(content)
        new.writestr(archive.MANIFEST, json.dumps(content))
        for name in NAMES:
            if name != drop:
                new.writestr(name, old.read(name))
    return copy


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update(format=2, espbench="9.0"), "use espbench 9.0 or newer"),
        (lambda m: m.pop("format"), "its manifest is invalid"),
        (lambda m: m.pop("board"), "its manifest is incomplete"),
        (lambda m: m["files"].pop(archive.LOG), "its manifest is incomplete"),
        (lambda m: m["files"].update({"../x": "0"}), "a file outside its folder"),
        (
            lambda m: m["files"].update({archive.LOG: "0"}),
            "the checksum of its replay.log does not match",
        ),
    ],
)
def test_bad_manifests(
    written: Path, tmp_path: Path, change: Callable[[dict[str, object]], object], says: str
) -> None:
    """A manifest that is too new or invalid is refused."""
    with pytest.raises(ArchiveError, match=re.escape(says)):
        archive.unpack(rewritten(written, change), tmp_path)


def test_damaged_archives(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing, truncated, corrupt and foreign files give one message and exit status 1 each."""
    data = written.read_bytes()
    truncated, corrupt, foreign = (tmp_path / name for name in ("short", "corrupt", "foreign"))
    truncated.write_bytes(data[: len(data) // 2])
    with zipfile.ZipFile(written) as file:
        end = file.start_dir  # of the last member's data
    corrupt.write_bytes(data[: end - 8] + bytes(b ^ 255 for b in data[end - 8 : end]) + data[end:])
    foreign.write_text("no archive")
    missing_file = rewritten(written, lambda _: None, drop=archive.LOG)
    for path in (truncated, corrupt, foreign, missing_file):
        assert cli.main(["replay", str(path)]) == 1
        stderr = capsys.readouterr().err
        assert re.fullmatch(
            rf"espbench: {re.escape(str(path))} is not an intact recording .*\n", stderr
        )
        assert stderr.endswith("copy the original again.\n")
    assert cli.main(["replay", str(tmp_path / "nowhere")]) == 1
    assert re.search(r"The recording \S+ does not exist", capsys.readouterr().err)


def test_full_disk_leaves_no_half_archive(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive is written completely or not at all, and the error names the full disk."""
    whole = zipfile.ZipFile
    monkeypatch.setattr(
        "espbench.recording.archive.zipfile.ZipFile",
        lambda _, *arguments, **options: whole("/dev/full", *arguments, **options),
    )
    with pytest.raises(DiskFull, match=r"late\.espbench could not be written, .* is full"):
        archive.write(written.parent / "late.espbench", MANIFEST, {"a": written})
    assert not list(written.parent.glob("late*"))


def test_full_disk_while_recording(tiny_firmware: Callable[..., Path], tmp_path: Path) -> None:
    """A log that QEMU could not write is reported, and gives no archive."""
    kept = tmp_path / "recording.espbench"
    device = Device("lx60", tiny_firmware(), record=True, ready="control")
    try:
        device.folder = tmp_path / "folder"
        device.folder.mkdir()
        (device.folder / archive.LOG).symlink_to("/dev/full")
        device.start(wait=False)
        device.keep_recording(kept)
        device.console.expect("^ready$")
        device.stop()
        assert device.recorder is not None
        assert "could not write all of its log" in device.recorder.problem
        assert not kept.exists()
    finally:
        device.close()


def test_killed_while_recording(tiny_firmware: Callable[..., Path], tmp_path: Path) -> None:
    """The log of a killed QEMU is incomplete, and gives no archive."""
    kept = tmp_path / "recording.espbench"
    device = Device("lx60", tiny_firmware(), record=True)
    try:
        device.start(wait=False)
        device.keep_recording(kept)
        device.console.expect("^ready$")
        assert device.pid is not None
        os.kill(device.pid, 9)
        with pytest.raises(QemuDied):
            device.console.expect("never")
        device.stop()
        assert device.recorder is not None
        assert device.recorder.problem == (
            "QEMU was killed by signal 9 before its log was complete, so nothing was recorded: fix "
            "the cause, and run the test again with --espbench-record."
        )
        assert not kept.exists()
    finally:
        device.close()


def test_another_qemu(tmp_path: Path) -> None:
    """A log can only be read by the version of QEMU that wrote it."""
    fake = tmp_path / "qemu"
    fake.write_text("#!/bin/sh\necho QEMU emulator version 9.2.0\n")
    fake.chmod(0o700)
    with pytest.raises(ArchiveError) as error:
        choose_qemu(MANIFEST, str(fake))
    assert str(error.value) == (
        f"This was recorded with QEMU 7.2.22, but {fake} is 9.2.0, which cannot read its log. "
        "Replay it in the container where it was recorded or in one with Debian 12, which has "
        "that version, or name such a QEMU with --qemu PROGRAM: see docs/how-to/record.md for the "
        "commands."
    )
    unknown = dataclasses.replace(MANIFEST, qemu="9.1.0")
    with pytest.raises(ArchiveError, match=r"or in one with that version, or name such"):
        choose_qemu(unknown, str(fake))
    fake.write_text("#!/bin/sh\necho QEMU emulator version 7.2.3\n")
    assert choose_qemu(MANIFEST, str(fake)) == str(fake)


def test_missing_qemu(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A QEMU that does not exist is reported in one sentence."""
    assert cli.main(["replay", str(written), "--qemu", "/no/qemu"]) == 1
    assert "/no/qemu --version failed" in capsys.readouterr().err


def test_a_replay_that_stands_still(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay whose log and guest make no progress is ended with an error."""

    def no_answer(*_: object, **__: object) -> None:
        raise QmpError("It hangs.")

    monkeypatch.setattr(replay, "STALLED", 0.3)
    ours, theirs = stream_pair()
    machine = SimpleNamespace(recording=Recording("replay", tmp_path / "replay.log", 2))
    qemu = SimpleNamespace(
        machine=machine,
        take_wires=lambda: (ours, None),
        pid=os.getpid(),
        qmp=SimpleNamespace(execute=no_answer),
        stderr=lambda: "",
    )
    with theirs, pytest.raises(ArchiveError) as caught:
        replay._follow(qemu, None, patient=False)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "The replay has made no progress for 0.3 s, so the recording is incomplete: record the "
        "test again (on a very busy machine, set ESPBENCH_TIMEOUT_SCALE first). QEMU's output: "
        "none"
    )


def test_arguments() -> None:
    """QEMU's arguments follow all others for the network; a comma in a path is doubled."""
    machine = Machine(
        board=LX60,
        firmware=Path("/f/firmware.elf"),
        flash=Path("/f/flash.img"),
        recording=Recording("record", Path("/f/a,b.log"), 2),
    )
    assert command_line(machine, Wires.terminal())[-8:] == [
        *("-icount", "shift=2,rr=record,rrfile=/f/a,,b.log"),
        *("-netdev", "hubport,id=tick,hubid=1"),
        *("-object", "filter-buffer,id=ticks,netdev=tick,interval=1000"),
        *("-object", "filter-replay,id=replay,netdev=net0"),
    ]
    wires = Wires.sockets(7, 9, transcript=Path("/f/c.raw")).arguments
    assert wires[1] == "socket,id=console,fd=7,logfile=/f/c.raw,logappend=off"


def test_wire_takes_single_bytes() -> None:
    """QEMU can write bytes one by one without waiting for the harness to read them."""
    one, other = stream_pair()
    with one, other:
        one.setblocking(False)
        for _ in range(100_000):  # a Unix socket takes 278
            assert one.send(b"x") == 1


def test_what_a_log_has() -> None:
    """Queries change nothing, and resets are in the log; the state of the link is not."""
    assert is_repeated("query-status")
    assert is_repeated("system_reset")
    assert not is_repeated("set_link")


@pytest.mark.parametrize("name", ["esp32", "esp32c3"])
def test_boards_that_cannot(name: str, tmp_path: Path) -> None:
    """A board that cannot be recorded is refused before anything starts."""
    firmware = tmp_path / "firmware.bin"
    firmware.write_bytes(bytes(1 << 20))
    with pytest.raises(ConfigError, match=f"Board {name} cannot be recorded, because .*lx60"):
        Device(BOARDS[name], firmware, record=True)


class FakeQmp:
    """The monitor of a guest that has taken these numbers of bytes, one at each query."""

    def __init__(self, *taken: int) -> None:
        self.taken = list(taken)

    def monitor(self, command: str, **_: object) -> str:
        assert command == "xp /1xw 0x60001234"
        return f"0000000060001234: {self.taken.pop(0):#010x}\r\n"


@pytest.fixture(autouse=True)
def counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give counts.elf its symbol at the address that `FakeQmp` expects."""
    monkeypatch.setattr(
        "espbench.qemu.uart_pacing.symbol_address",
        lambda elf, name: 0x60001234 if elf.name == "counts.elf" else symbol_address(elf, name),
    )


def pace(*taken: int) -> tuple[RecordedPace, FakeQmp]:
    qmp = FakeQmp(*taken)
    found = RecordedPace(qmp, Path("counts.elf"))  # type: ignore[arg-type]
    return found, qmp


@pytest.mark.parametrize(
    "taken",
    [
        [1, 1, 1, 17],  # a slow guest
        [0, 0, 1, 9, 17],  # the UART was not ready yet
        [100, 108, 0],  # the guest was reset, including its UART
    ],
)
def test_pace(taken: list[int]) -> None:
    """The next piece is sent only after the guest has read all of this one."""
    paced, qmp = pace(*taken)
    paced.before(Deadline(5))
    paced.after(16, Deadline(5))
    assert qmp.taken == []


def test_pace_of_a_hung_guest() -> None:
    """A guest that reads nothing is a ConsoleTimeout, even if it was never ready."""
    paced, _ = pace(0, 1, 15)
    with pytest.raises(ConsoleTimeout, match="did not take the input to its UART"):
        paced.before(Deadline(0))
    paced.before(Deadline(0))
    with pytest.raises(ConsoleTimeout, match="did not take the input to its UART"):
        paced.after(15, Deadline(0))


@pytest.mark.parametrize("kind", ["ELF", "no ELF"])
def test_firmware_that_does_not_count(
    kind: str, tiny_firmware: Callable[..., Path], tmp_path: Path
) -> None:
    """Input to a firmware without the count is refused; its recording goes on."""
    elf = tiny_firmware() if kind == "ELF" else tmp_path / "firmware.bin"
    elf.touch()
    paced = RecordedPace(FakeQmp(), elf)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"no symbol uart_taken\): add it .*, or omit"):
        paced.before(Deadline(5))


def test_differences() -> None:
    """The first line that differs is shown, also when one of the two is longer."""
    assert first_difference(b"a\nb\n", b"a\nb\n") == ""
    assert first_difference(b"a\nb\n", b"a\nc\n") == (
        "Line 2 of the console was recorded as 'b', but is 'c' in the replay."
    )
    assert "was recorded as 'b', but is missing in the replay" in first_difference(
        b"a\nb\n", b"a\n"
    )


def test_panics_among_records() -> None:
    """Panics are found in the UART's output, among records and line ends."""
    printed = (
        b'\x1e{"event":"boot"}\r\nGuru Meditation Error: Core  0 panic\'ed (X).\r\n'
        b"PC      : 0x60000008\r\nRebooting...\r\n"
    )
    assert [panic.cause for panic in panics(printed, Path("x.bin"))] == ["X"]


def test_plugin(tiny_firmware: Callable[..., Path], tmp_path: Path) -> None:
    """`espbench record` runs pytest; only a failed test leaves a recording, which can be replayed.

    The project turns all warnings into errors.
    """
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    (tmp_path / "test_inner.py").write_text(
        "def test_good(device):\n    pass\n\ndef test_bad(device):\n    assert 0\n"
    )

    def espbench(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "espbench", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    done = espbench(
        *("record", "-p", "no:cacheprovider", "-p", "no:pytest_embedded", "test_inner.py"),
        *(f"--espbench-firmware={tiny_firmware()}", "--espbench-ready-console=^ready"),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 1 passed" in done.stdout
    kept = "evidence/test_inner-test_bad/recording.espbench"
    assert re.search(rf"^-+ espbench recording -+\nespbench replay {kept}$", done.stdout, re.M)
    assert [p.name for p in (tmp_path / "evidence").rglob("*.espbench")] == ["recording.espbench"]
    again = espbench("replay", kept, "--console")
    assert again.returncode == 0, again.stderr
    assert again.stdout == (
        "somebody else's firmware\nready\n"
        "Same outcome: 33 bytes on the console and 0 panics, as recorded.\n"
    )
    script = tmp_path / "qemu-7.2"
    script.write_text(_script_of_the_docs())
    script.chmod(0o755)
    named = espbench("replay", kept, "--qemu", str(script))
    assert named.returncode == 0, named.stderr
    assert again.stderr == "recorded: test_inner.py::test_bad on lx60, QEMU " + (
        _qemu_in(tmp_path / kept) + "\n"
    )


def _script_of_the_docs() -> str:
    """Return the docs' script for another release's QEMU, changed to run this host's QEMU."""
    text = (TREE / "docs" / "how-to" / "record.md").read_text(encoding="utf-8")
    found: list[str] = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", text, re.DOTALL)
    (script,) = found
    libraries = f"lib/{sysconfig.get_config_var('MULTIARCH')}"
    (loader,) = Path("/", libraries).glob("ld-linux*.so.*")
    changes = {
        "root=/srv/bookworm": "root=",
        "lib/x86_64-linux-gnu": libraries,
        "ld-linux-x86-64.so.2": loader.name,
        '"$root/usr/bin/qemu-system-xtensa"': find_qemu(BOARDS["lx60"]),
    }
    for old, new in changes.items():
        assert old in script
        script = script.replace(old, new)
    return script


def _qemu_in(path: Path) -> str:
    with zipfile.ZipFile(path) as file:
        return str(json.loads(file.read(archive.MANIFEST))["qemu"])


def test_the_examples_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """The recording that the docs replay is the one that the preceding command leaves."""
    name = folder_name("tests/test_upload.py::test_it")
    with pytest.raises(SystemExit):
        cli.main(["replay", "--help"])
    page = (TREE / "docs/how-to/record.md").read_text("utf-8")
    for text in (capsys.readouterr().out, page):
        assert set(re.findall(r"replay evidence/(\S+)/recording\.espbench", text)) == {name}
    assert "espbench record tests/ -k upload" in page


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`record --help` prints espbench's own help, not pytest's."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["record", "--help"])
    assert ended.value.code == 0
    assert "keep a recording of each failed" in capsys.readouterr().out
