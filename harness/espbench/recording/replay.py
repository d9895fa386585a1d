# SPDX-License-Identifier: MIT
"""`espbench replay`: repeats a recorded run, also under gdb, and compares the outcome."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from espbench.boards.board import Board
from espbench.boards.boot_media import write_files
from espbench.boards.builtin import board_named
from espbench.crash.dump import Collector, parse_dump
from espbench.crash.panic import Panic
from espbench.errors import ArchiveError, QmpError
from espbench.qemu.debugger import HOST, find_gdb, gdb_command, gdb_port, missing, usual_gdb
from espbench.qemu.discovery import find_qemu
from espbench.qemu.process import (
    Machine,
    Qemu,
    boot_line,
    dotted,
    explain_status,
    parse_version,
    qemu_version,
)
from espbench.qemu.record_replay import Recording
from espbench.recording import archive
from espbench.recording.archive import Manifest
from espbench.util import tempdirs
from espbench.util.json_text_sequence import Demultiplexer, Text
from espbench.util.timeouts import SCALE_VARIABLE, Deadline

STALLED = 30.0
"""Seconds (scaled) without progress after which a replay is considered stuck."""
LOOK = 0.25
"""Polling interval of the progress in seconds."""
SHOWN = 160
"""Maximum number of characters of a line to show in a difference."""

RELEASES: Mapping[tuple[int, int], str] = {
    (6, 2): "Ubuntu 22.04",
    (7, 2): "Debian 12",
    (8, 2): "Ubuntu 24.04",
    (10, 0): "Debian 13",
}
"""Distribution releases by version of their QEMU."""

Print = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """Outcome of a replay.

    Attributes:
        difference: the first difference, as a sentence; "" if the outcome was the same.
        panics: panics of the replay, with decoded backtraces.
        bytes: number of bytes printed on the console.
    """

    difference: str
    panics: tuple[Panic, ...]
    bytes: int

    @property
    def same(self) -> bool:
        """Whether the outcome was the same."""
        return not self.difference


@contextlib.contextmanager
def unpacked(path: Path) -> Iterator[tuple[Manifest, Path]]:
    """Yield an archive's manifest and a folder with its files, which is removed at the end.

    Raises:
        ArchiveError: see `archive.unpack`.
    """
    folder = tempdirs.new_folder("replay")
    try:
        yield archive.unpack(path, folder), folder
    finally:
        tempdirs.remove_folder(folder)


def board_of(manifest: Manifest) -> Board:
    """Return the recorded board."""
    return replace(board_named(manifest.board), ram=manifest.ram)


def choose_qemu(manifest: Manifest, named: str | None) -> str:
    """Return the QEMU to replay with; only the version that wrote the log can read it.

    Raises:
        ArchiveError: the installed QEMU has another version.
        QemuNotFound: no QEMU is installed.
    """
    program = named or find_qemu(board_of(manifest))
    found = qemu_version(program)
    recorded = parse_version(f"QEMU emulator version {manifest.qemu}")
    if recorded is None or found[:2] != recorded[:2]:
        raise ArchiveError(
            f"This was recorded with QEMU {manifest.qemu}, but {program} is {dotted(found)}, which "
            f"cannot read its log. {_where_it_is(recorded)}"
        )
    return program


def _where_it_is(version: tuple[int, int, int] | None) -> str:
    """Return how to replay with a version that is not installed here."""
    known = RELEASES.get(version[:2]) if version else None
    where = f"one with {known}, which has that version" if known else "one with that version"
    return (
        f"Replay it in the container where it was recorded or in {where}, or name such a QEMU "
        "with --qemu PROGRAM: see docs/how-to/record.md for the commands."
    )


def machine_of(manifest: Manifest, folder: Path, program: str) -> Machine:
    """Return the machine for the replay; it needs no forwarded ports, as there are no clients."""
    flash = folder / "flash-now.img"
    shutil.copyfile(folder / archive.FLASH, flash)
    board = board_of(manifest)
    machine = Machine(
        board=board,
        firmware=folder / manifest.firmware,
        flash=flash,
        boot_arguments=manifest.boot_arguments,
        internet=manifest.internet,
        subnet=manifest.subnet,
        program=program,
        capture=Path(os.devnull) if manifest.captured else None,
        extra=manifest.extra,
        recording=Recording("replay", folder / archive.LOG, manifest.shift),
    )
    write_files(board.handover, folder, machine.firmware, boot_line(machine))
    return machine


def replay(
    manifest: Manifest,
    folder: Path,
    program: str,
    *,
    show: Print | None = None,
    gdb: Print | None = None,
) -> Outcome:
    """Replay the recording that was unpacked into `folder`.

    Args:
        manifest, folder: see `unpacked`.
        program: see `choose_qemu`.
        show: called with the console's text as it comes.
        gdb: called with the command that debugs the guest, which waits for gdb.

    Raises:
        QemuError: QEMU could not be started.
        ArchiveError: the replay is stuck.
    """
    work = folder / "run"
    work.mkdir()
    machine = machine_of(manifest, folder, program)
    if gdb is not None:
        machine = replace(machine, extra=[*machine.extra, "-gdb", f"tcp:{HOST}:0", "-S"])
    qemu = Qemu(machine, work)
    try:
        qemu.start()
        qemu.connect(Deadline(20))
        if gdb is not None and qemu.qmp is not None:
            debugger = find_gdb(machine.board, os.environ) or usual_gdb(machine.board)
            gdb(gdb_command(debugger, gdb_port(qemu.qmp), folder / manifest.elf))
        _follow(qemu, show, patient=gdb is not None)
        status = qemu.wait(Deadline(5).seconds)
    finally:
        qemu.stop()
    printed = qemu.transcript.read_bytes() if qemu.transcript.is_file() else b""
    found = tuple(panics(printed, folder / manifest.elf))
    difference = first_difference((folder / archive.CONSOLE).read_bytes(), printed)
    if not difference and status != 0:
        difference = f"QEMU {explain_status(status)} before the end of the log: {qemu.stderr()}"
    if not difference and [str(panic) for panic in found] != manifest.panics:
        difference = "The decoded backtraces of the panics differ from the recorded ones."
    if difference and manifest.unrepeatable:
        commands = ", ".join(dict.fromkeys(manifest.unrepeatable))
        difference += (
            f" The test used {commands} on QEMU's monitor, which the log does not contain."
        )
    return Outcome(difference, found, len(printed))


def _follow(qemu: Qemu, show: Print | None, *, patient: bool) -> None:
    """Read the console until QEMU ends.

    Raises:
        ArchiveError: the replay is stuck.
    """
    console, _control = qemu.take_wires()
    shown = Demultiplexer()
    deadline, last = Deadline(STALLED), (-1, -1)
    with console:
        console.settimeout(LOOK)
        while True:
            try:
                data = console.recv(65536)
            except TimeoutError:
                now = _progress(qemu)
                if now != last or patient:
                    deadline, last = Deadline(STALLED), now
                elif deadline.expired():
                    raise ArchiveError(
                        f"The replay has made no progress for {deadline}, so the recording is "
                        "incomplete: record the test again (on a very busy machine, set "
                        f"{SCALE_VARIABLE} first). QEMU's output: {qemu.stderr() or 'none'}"
                    ) from None
                continue
            except ConnectionResetError:
                data = b""
            if not data:
                return
            deadline = Deadline(STALLED)
            if show is not None:
                show("".join(i.text for i in shown.feed(data) if isinstance(i, Text)))


def _progress(qemu: Qemu) -> tuple[int, int]:
    """Return QEMU's position in its log, and its instruction count, which stops in sleep."""
    position = instructions = -1
    recording = qemu.machine.recording
    assert recording is not None
    with contextlib.suppress(OSError, StopIteration):
        folder = Path(f"/proc/{qemu.pid}/fd")
        number = next(n.name for n in folder.iterdir() if os.path.realpath(n) == str(recording.log))
        text = Path(f"/proc/{qemu.pid}/fdinfo/{number}").read_text()
        position = int(text.split("pos:", 1)[1].split(None, 1)[0])
    with contextlib.suppress(QmpError):
        assert qemu.qmp is not None
        instructions = int(qemu.qmp.execute("query-replay", deadline=Deadline(5))["icount"])
    return position, instructions


def panics(printed: bytes, elf: Path) -> list[Panic]:
    """Return the panics in a console's output."""
    demultiplexer, collector = Demultiplexer(), Collector()
    items = [*demultiplexer.feed(printed), *demultiplexer.finish()]
    dumps = [d for i in items if isinstance(i, Text) for d in collector.feed(i.text)]
    if rest := collector.finish():
        dumps.append(rest)
    symbols = elf if elf.suffix == ".elf" else None
    return [Panic(parse_dump(dump), symbols) for dump in dumps]


def first_difference(expected: bytes, printed: bytes) -> str:
    """Return a sentence with the first line that differs, or "" if none does."""
    if expected == printed:
        return ""
    old, new = expected.splitlines(), printed.splitlines()
    same = 0
    while same < min(len(old), len(new)) and old[same] == new[same]:
        same += 1
    was, now = (_shown(lines, same) for lines in (old, new))
    return f"Line {same + 1} of the console was recorded as {was}, but is {now} in the replay."


def _shown(lines: list[bytes], number: int) -> str:
    if number >= len(lines):
        return "missing"
    return repr(lines[number].decode(errors="replace")[:SHOWN])


def main(path: Path, *, gdb: bool, console: bool, qemu: str | None) -> int:
    """Replay an archive, and print the outcome; return an exit status."""
    with unpacked(path) as (manifest, folder):
        program = choose_qemu(manifest, qemu)
        about = f"{manifest.test or 'a run'} on {manifest.board}, QEMU {manifest.qemu}"
        print(f"recorded: {about}", file=sys.stderr)

        def debug(command: str) -> None:
            print(f"The guest waits for gdb. In another terminal:\n  {command}")
            if find_gdb(board_of(manifest), os.environ) is None:
                print(missing(board_of(manifest), os.environ))
            print("Ctrl-C here ends it.", flush=True)

        def write(text: str) -> None:
            sys.stdout.write(text)
            sys.stdout.flush()

        outcome = replay(
            manifest,
            folder,
            program,
            show=write if console else None,
            gdb=debug if gdb else None,
        )
        for panic in outcome.panics:
            print(panic)
    if not outcome.same:
        print(f"espbench: Different outcome: {outcome.difference}", file=sys.stderr)
        return 1
    print(
        f"Same outcome: {outcome.bytes} bytes on the console and {len(outcome.panics)} "
        f"panic{'' if len(outcome.panics) == 1 else 's'}, as recorded."
    )
    return 0
