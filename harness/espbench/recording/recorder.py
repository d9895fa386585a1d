# SPDX-License-Identifier: MIT
"""`Recorder`: records a device's run with QEMU, and archives the recording at the end."""

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
"""Upper limit of the part of its log that QEMU buffers, in bytes."""


def check(board: Board) -> None:
    """Check that a board can be recorded.

    Raises:
        ConfigError: the board cannot be recorded.
    """
    if board.icount_shift is None or board.unrecordable:
        why = board.unrecordable or "its description has no icount_shift"
        raise ConfigError(
            f"Board {board.name} cannot be recorded, because {why}: record on lx60, or omit "
            "--espbench-record."
        )


@dataclass
class Recorder:
    """Records one run, from the start of QEMU to its end.

    Attributes:
        folder: the device's folder.
        keep: path of the archive to write at the end; None: keep nothing.
        test: name of the recorded test.
        unrepeatable: monitor commands that are not in the log.
        problem: why the archive could not be written, else "".
    """

    folder: Path
    keep: Path | None = None
    test: str = ""
    unrepeatable: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def log(self) -> Path:
        """File with QEMU's log."""
        return self.folder / archive.LOG

    @property
    def flash(self) -> Path:
        """Copy of the flash at the start."""
        return self.folder / "flash-start.img"

    def begin(self, board: Board, flash: Path) -> Recording:
        """Copy the flash, and return the recording for QEMU.

        Raises:
            DiskFull: the flash could not be copied.
        """
        assert board.icount_shift is not None
        try:
            shutil.copyfile(flash, self.flash)
        except OSError as error:
            raise DiskFull(
                f"The flash could not be copied for the recording in {self.folder} "
                f"({error.strerror}): free some space there, or point TMPDIR elsewhere."
            ) from error
        return Recording("record", self.log, board.icount_shift)

    def finish(self, qemu: Qemu, elf: Path, panics: list[Panic], status: int | None) -> None:
        """Write the archive, if `keep` is set, after QEMU has ended; set `problem` on failure."""
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
                f"QEMU could not write all of its log in {self.folder}, so nothing was recorded: "
                "free some space there, or point TMPDIR elsewhere."
            )
        if status != 0:
            raise ArchiveError(
                f"QEMU {explain_status(status)} before its log was complete, so nothing was "
                "recorded: fix the cause, and run the test again with --espbench-record."
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
    """Return whether QEMU completed its log, and the disk has room for what it buffered.

    At the end, QEMU writes its version to the beginning of the log. It reports no error if the rest
    of its buffer did not fit on the disk.
    """
    if not log.is_file():
        return False
    with log.open("rb") as file:
        header = file.read(4)
    room = os.statvfs(log.parent)
    return any(header) and room.f_bavail * room.f_frsize > BUFFER
