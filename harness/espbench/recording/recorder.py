# SPDX-License-Identifier: MIT
"""`Recorder`: has QEMU record a device's run, and archives the recording at its end."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from espbench.boards.board import Board
from espbench.crash.panic import Panic
from espbench.errors import ArchiveError, ConfigError, DiskFull, EspbenchError
from espbench.qemu.process import Machine, Qemu, dotted, explain_status, qemu_version
from espbench.qemu.record_replay import WRITE_ERROR, Recording
from espbench.recording import archive
from espbench.util.version import __version__

SUFFIX = ".espbench"
BUFFER = 64 << 10
"""Bytes, more than QEMU holds back of its log before it writes them."""


def check(board: Board) -> None:
    """Check that a board can be recorded.

    Raises:
        ConfigError: it cannot.
    """
    if board.icount_shift is None or board.unrecordable:
        why = board.unrecordable or "its description has no icount_shift"
        raise ConfigError(
            f"Board {board.name} cannot be recorded, because {why}: record on lx60, or leave "
            "out --espbench-record."
        )


@dataclass
class Recorder:
    """Records one run, from the start of QEMU to its end.

    Attributes:
        folder: the device's.
        keep: where the archive goes when the run is over; None: it is not kept.
        test: what was recorded.
        unrepeatable: monitor commands that the log does not have.
        problem: why there is no archive although one was asked for, else "".
    """

    folder: Path
    keep: Path | None = None
    test: str = ""
    unrepeatable: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def log(self) -> Path:
        """QEMU's file."""
        return self.folder / archive.LOG

    @property
    def flash(self) -> Path:
        """What the flash was at the start."""
        return self.folder / "flash-start.img"

    def begin(self, board: Board, flash: Path) -> Recording:
        """Keep the flash, and return what QEMU is to do.

        Raises:
            DiskFull: there is no room.
        """
        assert board.icount_shift is not None
        try:
            shutil.copyfile(flash, self.flash)
        except OSError as error:
            raise DiskFull(
                f"The flash could not be kept for the recording in {self.folder} "
                f"({error.strerror}): free some space there, or point TMPDIR elsewhere."
            ) from error
        return Recording("record", self.log, board.icount_shift)

    def finish(self, qemu: Qemu, elf: Path, panics: list[Panic], status: int | None) -> None:
        """Write the archive if it is wanted; QEMU has ended. A trouble becomes `problem`."""
        if self.keep is None:
            return
        try:
            self._write(self.keep, qemu, elf, panics, status)
        except EspbenchError as error:
            self.problem = str(error)

    def _write(
        self, path: Path, qemu: Qemu, elf: Path, panics: list[Panic], status: int | None
    ) -> None:
        if status == 0 and (WRITE_ERROR in qemu.stderr() or not _finished(self.log)):
            raise DiskFull(
                f"QEMU could not write its log in {self.folder} to the end, so nothing was "
                "recorded: free some space there, or point TMPDIR elsewhere."
            )
        if status != 0:
            raise ArchiveError(
                f"QEMU {explain_status(status)} before its log was whole, so nothing was recorded: "
                "see to what ended it, and run the test again with --espbench-record."
            )
        machine: Machine = qemu.machine
        assert machine.recording is not None
        firmware = f"firmware{machine.firmware.suffix}"
        symbols = firmware if elf == machine.firmware or elf.suffix != ".elf" else "symbols.elf"
        files = {
            archive.FLASH: self.flash,
            archive.LOG: self.log,
            archive.CONSOLE: qemu.transcript,
            firmware: machine.firmware,
            symbols: machine.firmware if symbols == firmware else elf,
        }
        if machine.capture is not None:
            files["net.pcap"] = machine.capture
        manifest = archive.Manifest(
            espbench=__version__,
            board=machine.board.name,
            ram=machine.board.ram,
            qemu=dotted(qemu_version(qemu.program)),
            boot_arguments=dict(machine.boot_arguments),
            shift=machine.recording.shift,
            captured=machine.capture is not None,
            subnet=machine.subnet,
            internet=machine.internet,
            extra=list(machine.extra),
            firmware=firmware,
            elf=symbols,
            test=self.test,
            panics=[str(panic) for panic in panics],
            unrepeatable=self.unrepeatable,
            ended=explain_status(status),
        )
        archive.write(path, manifest, files)


def _finished(log: Path) -> bool:
    """Return whether QEMU came to the end of its log, and there is room for one that it would lose.

    Its last words are its version, which it writes to the log's beginning. It tells nobody when
    what it had not written until then does not fit.
    """
    if not log.is_file():
        return False
    with log.open("rb") as file:
        header = file.read(4)
    room = os.statvfs(log.parent)
    return any(header) and room.f_bavail * room.f_frsize > BUFFER
