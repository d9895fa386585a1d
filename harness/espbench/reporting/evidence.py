# SPDX-License-Identifier: MIT
"""Writes the evidence of a failed test: a folder with console, events, heap, panic and flash."""

from __future__ import annotations

import contextlib
import filecmp
import json
import os
import re
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from espbench.boards.boot_media import BOOT_ARGUMENTS
from espbench.boards.emulators import WIFI_PASSWORD_VARIABLE
from espbench.clients.tls import KEY_LOG
from espbench.crash.coredump import decoded
from espbench.crash.panic import Panic
from espbench.device.device import Device
from espbench.device.timeline import Event
from espbench.emulator.choice import terminal_command
from espbench.emulator.espemu.process import LOG
from espbench.errors import EspbenchError, NotInspectable, QmpError, is_disk_full
from espbench.netem.client_randoms import client_randoms, secrets_of
from espbench.netem.connections import connections, offset
from espbench.netem.pcap import frames
from espbench.qemu.process import Machine, pasteable
from espbench.util.timeouts import Deadline

LAST_LOOK = 1.0
"""Seconds (scaled) for the last heap sample: a hung guest must not hold up the report."""
TELLING = frozenset({"console.txt", "events.json", "heap.jsonl"})
"""Files by which a folder of evidence is recognized."""
LOGS = ("qemu.txt", LOG)
"""Standard error of an emulator, in the device's folder; there is one of them."""
PRIVATE = 0o700
"""Mode of folders: only this user can read them."""
COPY_LIMIT = 64 << 20
"""Size in bytes up to which the firmware is copied; a larger one is referred to."""


@dataclass(frozen=True)
class Saved:
    """The result of `save`.

    Attributes:
        folder: the folder of the evidence.
        problem: why not all of it could be written, or "".
    """

    folder: Path
    problem: str = ""

    def __str__(self) -> str:
        """Return the line for the failure's report."""
        return f"{self.folder}{f' (incomplete: {self.problem})' if self.problem else ''}"


def folder_name(nodeid: str) -> str:
    """Return a folder name for a test's node ID: readable, unique enough, short enough."""
    name = re.sub(r"[^A-Za-z0-9_.=,\[\]-]+", "-", nodeid.replace(".py::", "-").replace("::", "-"))
    return name.strip("-")[-150:] or "test"


def save(device: Device, folder: Path, *, redact: bool = False) -> Saved:
    """Write the evidence of a device, running or stopped, to a new `folder`.

    The folder is this user's alone, because it has the device's secrets: keys in the flash, boot
    arguments, TLS secrets. Problems such as a full disk or a dead guest do not raise, because the
    test's own failure matters more; they are described in the result. An unrelated folder of that
    name is left alone.

    Args:
        device: the device.
        folder: where to write.
        redact: whether to leave out what has the device's lasting secrets: the flash image, the
            firmware, boot arguments, more arguments of QEMU, and core dumps.
    """
    problems: list[str] = []
    try:
        if folder.is_symlink() or (folder.exists() and not _is_evidence(folder)):
            return Saved(folder, "a file or folder of that name exists already: move it away")
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        folder.mkdir(mode=PRIVATE)
        ignore = folder.parent / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        return Saved(folder, _sentence(error, folder))
    looks = device.running
    try:
        if looks and device.memory.readable:
            device.sample_heap("end", Deadline(LAST_LOOK))
    except QmpError:
        looks = False  # QEMU does not answer, so waiting for it once more is useless
    except EspbenchError:
        pass
    for name, write in _parts(device, looks=looks, redact=redact).items():
        try:
            write(folder / name)
        except Exception as error:  # noqa: BLE001 (pytest would end with an INTERNALERROR)
            # A truncated file would be more misleading than a missing one.
            with contextlib.suppress(OSError):
                (folder / name).unlink(missing_ok=True)
            problems.append(_sentence(error, folder, name))
    return Saved(folder, "; ".join(dict.fromkeys(problems)))


def saver(folder: Path, *, redact: bool = False) -> Callable[[Device, str], Path | None]:
    """Return a function that saves a device's evidence in a new folder below `folder`, by name."""

    def keep(device: Device, name: str) -> Path | None:
        saved = save(device, folder / folder_name(name), redact=redact)
        return saved.folder if saved.folder.exists() else None

    return keep


def _is_evidence(folder: Path) -> bool:
    """Return whether a folder is empty or an earlier run's, possibly incomplete, evidence."""
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    return not names or not names.isdisjoint(TELLING)


def _parts(device: Device, *, looks: bool, redact: bool) -> dict[str, Callable[[Path], object]]:
    """Return the writer of each file, most important first, because the disk may fill up."""
    parts: dict[str, Callable[[Path], object]] = {
        "console.txt": lambda p: p.write_text(_console(device)),
    }
    if device.panics:
        parts["panic.txt"] = lambda p: p.write_text(panic_reports(device.panics))
        parts |= {} if redact else _core_dumps(device)
    parts["events.json"] = lambda p: p.write_text(_events(device))
    parts["heap.jsonl"] = lambda p: p.write_text(_heap(device))
    if looks and device.board.in_qemu and not device.inspection.why_not():
        parts["tasks.json"] = lambda p: p.write_text(_tasks(device))
    if device.used_network is not None:
        network = json.dumps(device.used_network.as_json(), indent=1) + "\n"
        parts["network.json"] = lambda p: p.write_text(network)
    if device.folder != Path():
        parts["tls-secrets.txt"] = lambda p: _write_secrets(device, p)
        for name in LOGS:
            parts[name] = lambda p: _copy(device.folder / p.name, p)
        parts["net.pcap"] = lambda p: _copy(device.capture_file, p)
        parts["connections.json"] = lambda p: _write_connections(device, p)
        if not redact:
            parts["flash.img"] = lambda p: _keep_once(device.flash, p)
    if device.machine is not None:
        machine = device.machine
        for name in machine.board.handover.files:
            if not (redact and name == BOOT_ARGUMENTS):
                parts[name] = lambda p: _copy(device.folder / p.name, p)
        copies = machine.firmware.is_file() and machine.firmware.stat().st_size <= COPY_LIMIT
        if copies and not redact:
            parts[machine.firmware.name] = lambda p: _keep_once(machine.firmware, p)
        program = device.program or machine.board.qemu
        described = replace(machine, extra=()) if redact else machine
        note = REDACTED if redact else ""
        parts["command.txt"] = lambda p: p.write_text(
            note + replay(described, p.parent, copied=copies, program=program)
        )
    return parts


def _core_dumps(device: Device) -> dict[str, Callable[[Path], object]]:
    """Return the writers of the panics' core dumps, raw and decoded."""
    parts: dict[str, Callable[[Path], object]] = {}
    cores = [panic for panic in device.panics if panic.dump.core]
    for number, panic in enumerate(cores, 1):
        parts[f"core-{number}.b64"] = partial(_write_core, panic)
        parts[f"core-{number}.txt"] = partial(_decode_core, panic)
    return parts


def _write_core(panic: Panic, path: Path) -> None:
    path.write_text(panic.dump.core + "\n")


def _decode_core(panic: Panic, path: Path) -> None:
    path.write_text(decoded(path.with_suffix(".b64"), panic.elf))


def replay(machine: Machine, folder: Path, *, copied: bool, program: str) -> str:
    """Return the command that boots the evidence again in a terminal.

    It starts from the flash as the failed test left it, with the same seed and arguments, and does
    not write to it, because several folders may share that file. It names the same QEMU program,
    because another one of that name may lack the machine. A Wi-Fi password is not in it.
    """
    board = machine.board
    hides = board.wifi is not None and bool(board.wifi.password)
    if board.wifi is not None and hides:
        board = replace(board, wifi=replace(board.wifi, password=WIFI_PASSWORD_VARIABLE))
    firmware = folder / machine.firmware.name if copied else machine.firmware
    machine = replace(
        machine,
        board=board,
        firmware=firmware.absolute(),
        flash=(folder / "flash.img").absolute(),
        capture=None,
        recording=None,
    )
    note = IN_QEMU if machine.board.in_qemu else IN_ESP_EMU
    command = pasteable(terminal_command(machine, program))
    if hides:
        note += PASSWORD
        command = command.replace(WIFI_PASSWORD_VARIABLE, f'"${WIFI_PASSWORD_VARIABLE}"')
    return note + command


IN_QEMU = (
    "# Boots the same device again, on this terminal (end it with: kill %1, or Ctrl-C), and\n"
    "# leaves the files here as they are: what the firmware writes to its flash is discarded.\n"
    "# The forwarded ports are new ones: add -monitor unix:monitor,server=on,wait=off and\n"
    "# ask `info usernet` there.\n"
)
IN_ESP_EMU = (
    "# Boots the same device again, on this terminal (end it with Ctrl-C), and leaves the files\n"
    "# here as they are: what the firmware writes to its flash is discarded. The port before each\n"
    "# -: is the host's, which you may change.\n"
)
PASSWORD = f"# Set {WIFI_PASSWORD_VARIABLE} to the password of the Wi-Fi network before.\n"
REDACTED = (
    "# Redacted: the flash image, the firmware, the boot arguments and the extra arguments were\n"
    "# left out, so that this command needs them first.\n"
)
"""What begins a command to paste."""


def _console(device: Device) -> str:
    """Return the console with the time of each line, and with the checks that ran meanwhile."""
    lines = device.console.transcript.stamped().splitlines(keepends=True)
    marks = [event for event in device.timeline if event.name == "check"]
    merged = []
    for line in lines:
        at = float(line[1 : line.index("]")])
        while marks and marks[0].at <= at:
            merged.append(_mark(marks.pop(0)))
        merged.append(line)
    return "".join([*merged, *map(_mark, marks)])


def _mark(event: Event) -> str:
    what = ": ".join(filter(None, (event.detail["id"], event.detail["case"])))
    return f"[{event.at:10.6f}] --- check {what} ---\n"


def _events(device: Device) -> str:
    return json.dumps([event.as_json() for event in device.timeline], indent=1, default=str) + "\n"


def _heap(device: Device) -> str:
    lines = [
        json.dumps({"at": round(s.at, 6), "why": s.why, **s.heap.as_json()})
        for s in list(device.heap_samples)
    ]
    return "".join(f"{line}\n" for line in lines)


def _tasks(device: Device) -> str:
    """Return the tasks at the end of the test, and its listeners and connections."""
    found: dict[str, Any] = {"tasks": [task.as_json() for task in device.tasks()]}
    with contextlib.suppress(NotInspectable):
        found["listeners"] = [asdict(each) for each in device.listeners()]
        found["connections"] = device.inspection.connections()
    return json.dumps(found, indent=1) + "\n"


def _write_connections(device: Device, path: Path) -> None:
    """Write the connections on the timeline's clock, unless the capture's clock is unknown."""
    if device.heap_watch is None or not device.capture_file.is_file():
        return
    seen = list(frames(device.capture_file.read_bytes()))
    clock = offset(seen, list(device.heap_watch.looks))
    if clock is not None:
        found = [connection.as_json() for connection in connections(seen, clock)]
        path.write_text(json.dumps(found, indent=1) + "\n")


def _write_secrets(device: Device, path: Path) -> None:
    """Write the clients' TLS secrets: the device's file, and what other clients have logged.

    The latter is shared by all devices and servers, so only the connections in the capture count.
    """
    known = device.tls_secrets.read_text(errors="replace").splitlines()
    log = Path(os.environ.get(KEY_LOG, ""))
    if log.is_file() and device.capture_file.is_file():
        randoms = client_randoms(device.capture_file.read_bytes())
        with log.open(errors="replace") as lines:
            known += secrets_of(lines, randoms)
    path.write_text("".join(f"{line}\n" for line in dict.fromkeys(known)))


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, target)


def _keep_once(source: Path, target: Path) -> None:
    """Copy a file, or link to an equal one that this folder of evidence or one beside it has.

    Each failure of a run has the same firmware, and mostly the same flash image, of megabytes.
    """
    if not source.is_file():
        return
    for equal in _equals(source, target.parent.parent.glob("*/*")):
        with contextlib.suppress(OSError):  # it is gone, or has too many links
            target.hardlink_to(equal)
            return
    shutil.copyfile(source, target)


def _equals(source: Path, others: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of evidence that have the content of a file."""
    size = source.stat().st_size
    seen = set()
    for other in others:
        with contextlib.suppress(OSError):  # it is gone
            found = other.lstat()
            if found.st_size != size or not stat.S_ISREG(found.st_mode) or found.st_ino in seen:
                continue
            seen.add(found.st_ino)
            # Another file may be the user's, and be overwritten in place.
            if _is_evidence(other.parent) and filecmp.cmp(source, other, shallow=False):
                yield other


def _sentence(error: Exception, folder: Path, name: str = "") -> str:
    """Return why a file of evidence, or its folder, could not be written."""
    if isinstance(error, OSError) and is_disk_full(error):
        return f"the disk of {folder} is full, so evidence is missing: free some space there"
    if isinstance(error, OSError):
        return f"{error.filename or folder} could not be written: {error.strerror}"
    if isinstance(error, EspbenchError):
        return str(error)
    return f"{name} could not be made ({type(error).__name__}: {error}): please report this"


def panic_reports(panics: Sequence[Panic]) -> str:
    """Return the decoded panics, each distinct one once, because a boot loop repeats it."""
    times = Counter(panic.dump.text for panic in panics)
    first = {panic.dump.text: panic for panic in reversed(panics)}
    return "\n".join(
        first[text].report() + (f"(printed {count} times)\n" if count > 1 else "")
        for text, count in times.items()
    )
