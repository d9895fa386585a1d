# SPDX-License-Identifier: MIT
"""`Qemu`: a QEMU process from its command line (`command_line`, a pure function) to its end."""

from __future__ import annotations

import contextlib
import re
import shlex
import signal
import socket
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from espbench.boards.board import Board
from espbench.boards.boot_media import option_value
from espbench.errors import (
    ConfigError,
    PortInUse,
    QemuCannotStart,
    QemuDied,
    QemuError,
    QemuTooOld,
    QmpError,
)
from espbench.qemu import launcher
from espbench.qemu.discovery import find_qemu
from espbench.qemu.hostfwd import Forward, parse_forwards
from espbench.qemu.qmp import Qmp
from espbench.qemu.record_replay import Recording, stream_pair
from espbench.qemu.start_failure import cannot_start
from espbench.qemu.uart_pacing import Pace, RecordedPace
from espbench.util.programs import captured
from espbench.util.timeouts import Deadline

__all__ = [
    "Machine",
    "Qemu",
    "Wires",
    "boot_line",
    "check_version",
    "command_line",
    "dotted",
    "explain_status",
    "find_qemu",
    "parse_version",
    "pasteable",
    "qemu_version",
]

STDERR_LINES = 15
"""Number of QEMU's last lines that an error shows."""
NOISE = ("ui-ui-", "Adding SPI flash device", " tick has no peer")
"""Harmless messages: Debian's QEMU warns about missing GUI modules, which are not used, Espressif's
QEMU reports its flash at every start, and the network that gives a recording its ticks
intentionally has no peer."""


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Parameters of a QEMU command line.

    Attributes:
        board: the board to emulate.
        firmware, flash: files.
        boot_arguments: `key=value` for the guest, in addition to the board's defaults.
        forwards: number of host ports to forward to each guest port. Several may be needed,
            because slirp's listener has a backlog of one: simultaneous clients need a port each.
        internet: whether the guest may open connections to the outside (and to the host).
        subnet: the guest's network, such as 10.0.3.0/24; None: slirp's default.
        program: path of QEMU; None: see `find_qemu`.
        capture: pcap file of the guest's NIC, or None.
        extra: further arguments.
        recording: whether QEMU records or replays a log; None: neither.
    """

    board: Board
    firmware: Path
    flash: Path
    boot_arguments: Mapping[str, str] = field(default_factory=dict)
    forwards: Mapping[int, int] = field(default_factory=dict)
    internet: bool = False
    subnet: str | None = None
    program: str | None = None
    capture: Path | None = None
    extra: Sequence[str] = ()
    recording: Recording | None = None

    def __post_init__(self) -> None:
        """Check for values that QEMU or the guest would misinterpret."""
        for port, count in self.forwards.items():
            if not 1 <= port <= 65535:
                raise ConfigError(f"Guest port {port} is not between 1 and 65535.")
            if count < 1:
                raise ConfigError(
                    f"Guest port {port} cannot be forwarded {count} times: ask for 1 or more."
                )
        boot_line(self)
        if self.boot_arguments and not self.board.takes_boot_arguments:
            raise ConfigError(
                f"Board {self.board.name} has no boot arguments, so it cannot take "
                f"{', '.join(self.boot_arguments)}: omit them."
            )


@dataclass(frozen=True)
class Wires:
    """QEMU's arguments for the connections of console and monitor."""

    arguments: tuple[str, ...]

    @classmethod
    def sockets(
        cls,
        console: int,
        monitor: int,
        *control: int,
        uart: int | None = None,
        transcript: Path | None = None,
    ) -> Wires:
        """Return wires over inherited, connected sockets.

        Unlike with sockets that QEMU creates, there is no need to poll for them, no path can be too
        long, and no early output is lost.

        Args:
            console, monitor: descriptors.
            control: another descriptor, if control records have a separate UART.
            uart: number of that UART.
            transcript: file to which QEMU writes all output of the console's UART.
        """
        second = [] if uart is None else _control_uart(control[0], uart)
        log = "" if transcript is None else f",logfile={option_value(transcript)},logappend=off"
        return cls(
            (
                *("-chardev", f"socket,id=console,fd={console}{log}"),
                *("-serial", "chardev:console"),
                *second,
                *("-chardev", f"socket,id=qmp,fd={monitor}", "-mon", "chardev=qmp,mode=control"),
            )
        )

    @classmethod
    def terminal(cls) -> Wires:
        """Return wires to the terminal, for interactive use; Ctrl-A goes to the guest, not QEMU."""
        return cls(("-serial", "stdio"))


def _control_uart(descriptor: int, number: int) -> list[str]:
    """Return the arguments that connect UART `number`; each -serial is for the next UART."""
    between = ["-serial", "null"] * (number - 1)
    chardev = ["-chardev", f"socket,id=control,fd={descriptor}"]
    return [*chardev, *between, "-serial", "chardev:control"]


def boot_line(machine: Machine) -> str:
    """Return the guest's boot arguments as one line."""
    return machine.board.boot_line(machine.boot_arguments)


def command_line(machine: Machine, wires: Wires, *, program: str | None = None) -> list[str]:
    """Return QEMU's command line."""
    board = machine.board
    nic = ["user", "id=net0", f"model={board.nic}"]
    if not machine.internet:
        nic.append("restrict=on")
    if machine.subnet is not None:
        nic.append(f"net={machine.subnet}")
    for port, count in sorted(machine.forwards.items()):
        nic += [f"hostfwd=tcp:127.0.0.1:0-:{port}"] * count
    command = [program or board.qemu, "-M", board.machine]
    if board.cpu is not None:
        command += ["-cpu", board.cpu]
    if board.ram is not None:
        command += ["-m", board.ram]
    command += ["-display", "none", "-monitor", "none", *wires.arguments]
    command += board.handover.arguments(machine.firmware, machine.flash)
    command += ["-nic", ",".join(nic)]
    if machine.capture is not None:
        path = option_value(machine.capture)
        command += ["-object", f"filter-dump,id=capture,netdev=net0,file={path}"]
    if machine.recording is not None:
        command += machine.recording.arguments("net0")
    return [*command, *board.options, *board.still_watchdogs, *machine.extra]


def pasteable(command: Sequence[str]) -> str:
    """Return `command` quoted for a shell, one option per line."""
    lines: list[str] = []
    for word in command:
        quoted = shlex.quote(word)
        if lines and not word.startswith("-"):
            lines[-1] += f" {quoted}"
        else:
            lines.append(quoted)
    return " \\\n    ".join(lines) + "\n"


def parse_version(text: str) -> tuple[int, int, int] | None:
    """Return the version in the output of `qemu --version`, or None."""
    match = re.search(r"QEMU emulator version (\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def qemu_version(program: str) -> tuple[int, int, int]:
    """Return the version of a QEMU.

    Raises:
        QemuCannotStart: it ends with an error.
        QemuError: it cannot be run or prints no version.
    """
    try:
        result = captured([program, "--version"], Deadline(20).seconds)
    except (OSError, subprocess.SubprocessError) as error:
        raise QemuError(f"{program} --version failed ({error}): reinstall QEMU.") from error
    version = parse_version(result.stdout)
    if version is None and result.returncode and result.stderr.strip():
        raise QemuCannotStart(*cannot_start(program, result.stderr))
    if version is None:
        raise QemuError(f"{program} --version printed no version: check that it is a QEMU.")
    return version


def check_version(board: Board, program: str, version: tuple[int, int, int]) -> None:
    """Check that QEMU is new enough.

    Raises:
        QemuTooOld: it is too old.
    """
    if version < board.qemu_least:
        raise QemuTooOld(
            f"{program} is version {dotted(version)}, but board {board.name} needs "
            f"{dotted(board.qemu_least)} or newer: upgrade it ({board.qemu_package})."
        )


def dotted(version: tuple[int, int, int]) -> str:
    """Return a version as text, such as "7.2.0"."""
    return ".".join(map(str, version))


def explain_status(status: int | None) -> str:
    """Return the meaning of an exit status, completing "QEMU ...".

    Negative numbers are signals, as in `subprocess`.
    """
    if status is None:
        return "closed its console but is still running"
    if status < 0:
        return f"was killed by signal {-status}"
    return f"ended with exit status {status}"


class Qemu:
    """One QEMU process."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        """Prepare, without starting QEMU.

        Args:
            machine: the machine to emulate.
            folder: folder for QEMU's standard error.
        """
        self.machine = machine
        self.program = machine.program or find_qemu(machine.board)
        self.command: list[str] = []
        self.console: socket.socket | None = None
        self.control: socket.socket | None = None
        self.qmp: Qmp | None = None
        self.forwards: list[Forward] = []
        self._apart: set[int] = set()
        """Host ports that `forwards` does not list."""
        self._forwarding = threading.Lock()
        self._process: launcher.Process | None = None
        self._stderr = folder / "qemu.txt"
        self.transcript = folder / "console.raw"
        """All output of the console's UART, if QEMU records or replays."""
        self._stopping = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process id, or None if QEMU was never started."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start QEMU; `self.console` gets its output from the first byte on.

        Raises:
            QemuError: QEMU could not be started.
        """
        uart = self.machine.board.control_uart
        recorded = self.machine.recording is not None
        wire = stream_pair if recorded else socket.socketpair
        self.console, console_far = wire()
        monitor, monitor_far = socket.socketpair()
        self.qmp = Qmp(monitor)
        far = [console_far, monitor_far]
        if uart is not None:
            self.control, control_far = wire()
            far.append(control_far)
        try:
            descriptors = [end.fileno() for end in far]
            transcript = self.transcript if recorded else None
            wires = Wires.sockets(*descriptors, uart=uart, transcript=transcript)
            self.command = command_line(self.machine, wires, program=self.program)
            self._process = launcher.start(
                self.command,
                pass_fds=descriptors,
                stderr=self._stderr,
            )
        except OSError as error:
            raise QemuError(f"{self.program} could not be started: {error}.") from error
        finally:
            for end in far:
                end.close()

    def take_wires(self) -> tuple[socket.socket, socket.socket | None]:
        """Return the sockets of console and control UART, which the caller has to close."""
        console, control = self.console, self.control
        self.console = self.control = None
        assert console is not None
        return console, control

    def pace(self, elf: Path) -> Pace | None:
        """Return the flow control for input to the UART of a guest with this ELF.

        None means that QEMU does the flow control.
        """
        if self.machine.recording is None or self.qmp is None:
            return None
        return RecordedPace(self.qmp, elf)

    def connect(self, deadline: Deadline) -> None:
        """Connect to the monitor: check the version and read the forwarded ports.

        Raises:
            QemuError: QEMU ended, is too old or does not respond.
        """
        assert self.qmp is not None
        try:
            version = self.qmp.negotiate(deadline)
            check_version(self.machine.board, self.program, version)
            answer = self._read_forwards(deadline) if self.machine.forwards else ""
        except QmpError as error:
            if self.wait(1.0) is not None:
                raise self.death() from error
            raise
        found = {f.guest_port for f in self.forwards}
        if missing := set(self.machine.forwards) - found:
            raise QemuError(
                f"QEMU lists no forwarded port for guest port "
                f"{', '.join(map(str, sorted(missing)))}: its `info usernet` printed {answer!r}."
            )

    def _read_forwards(self, deadline: Deadline) -> str:
        assert self.qmp is not None
        answer = self.qmp.monitor("info usernet", deadline=deadline)
        found = parse_forwards(answer)
        self.forwards = [each for each in found if each.host_port not in self._apart]
        return answer

    def add_forward(self, rule: str, deadline: Deadline | float = 5.0) -> None:
        """Forward another host port to the running guest.

        Args:
            rule: as in QEMU's `hostfwd=`, such as "tcp:127.0.0.1:0-:443".
            deadline: deadline for the monitor's responses, or seconds, scaled.

        Raises:
            QemuError: QEMU could not forward the port, or is not running.
        """
        deadline = Deadline.of(deadline)
        with self._forwarding:
            self._add_forward(rule, deadline)
            self._read_forwards(deadline)

    def forward_apart(
        self, guest_port: int, number: int, deadline: Deadline | float = 5.0
    ) -> list[int]:
        """Forward ports of 127.0.0.1 that `forwards` does not list, and return them.

        Args:
            guest_port: where they lead.
            number: how many.
            deadline: deadline for the monitor's responses, or seconds, scaled.

        Raises:
            QemuError: QEMU could not forward a port, or is not running.
        """
        deadline = Deadline.of(deadline)
        with self._forwarding:
            before = {each.host_port for each in self.forwards} | self._apart
            for _ in range(number):
                self._add_forward(f"tcp:127.0.0.1:0-:{guest_port}", deadline)
            assert self.qmp is not None
            after = parse_forwards(self.qmp.monitor("info usernet", deadline=deadline))
            new = [each.host_port for each in after if each.host_port not in before]
            self._apart.update(new)
            return new

    def _add_forward(self, rule: str, deadline: Deadline) -> None:
        if self.qmp is None:
            raise QemuError("QEMU is not running, so it cannot forward a port: start it first.")
        output = self.qmp.monitor(f"hostfwd_add net0 {rule}", deadline=deadline).strip()
        if output:
            raise PortInUse(f"QEMU could not forward {rule}: {output}")

    def host_ports(self, guest_port: int) -> list[int]:
        """Return the host ports that are forwarded to a guest port."""
        return [f.host_port for f in self.forwards if f.guest_port == guest_port]

    def stderr(self) -> str:
        """Return the last lines of QEMU's standard error, without known harmless messages."""
        with contextlib.suppress(OSError):
            lines = self._stderr.read_text(errors="replace").splitlines()
            lines = [line for line in lines if not any(noise in line for noise in NOISE)]
            return "\n".join(lines[-STDERR_LINES:])
        return ""

    def wait(self, timeout: float) -> int | None:
        """Return the exit status if QEMU ends within this many seconds, else None."""
        return None if self._process is None else launcher.wait(self._process, timeout)

    def death(self) -> QemuError:
        """Return the error for a QEMU that ended unexpectedly."""
        status = self.wait(Deadline(1.0).seconds)
        stderr = self.stderr()
        board = self.machine.board
        with contextlib.suppress(QemuError):
            check_version_error = _too_old(board, self.program)
            if check_version_error:
                return check_version_error
        if "Could not set up host forwarding rule" in stderr:
            return PortInUse(
                f"QEMU could not listen on a host port, which must be in use: {stderr}"
            )
        if "unsupported machine type" in stderr:
            return QemuTooOld(
                f"{self.program} does not have the machine {board.machine} of board {board.name}: "
                f"install another QEMU with {board.qemu_package}."
            )
        message = f"QEMU {explain_status(status)}"
        message += (
            f"; its last output:\n{stderr}" if stderr else f" without output. {_look(status)}"
        )
        return QemuDied(message, status=status, stderr=stderr)

    def stop(self) -> int | None:
        """End the process, whatever state it is in, and return its exit status.

        Tries QMP's `quit` first, then SIGTERM, then SIGKILL, which even ends a stopped process.
        """
        with self._stopping:
            process = self._process
            try:
                if process is None:
                    return None
                if process.poll() is None and self.qmp is not None:
                    # An unanswered `quit` costs this much; normally QEMU answers in 3 ms.
                    with contextlib.suppress(QmpError):
                        self.qmp.execute("quit", deadline=0.5)
                        self.wait(Deadline(0.5).seconds)
                if process.poll() is None:
                    process.terminate()
                    self.wait(0.3)
                return process.poll()
            finally:
                if process is not None:
                    launcher.kill(process)
                for end in (self.console, self.control):
                    if end is not None:
                        end.close()
                if self.qmp is not None:
                    self.qmp.close()


def _look(status: int | None) -> str:
    """Return a hint at the cause when QEMU ended without output."""
    if status == -signal.SIGKILL:
        return (
            "The kernel does that when memory is short: check `dmesg`, and run fewer devices at a "
            "time (-n, --espbench-pool 0)."
        )
    return "Start it by hand to see more: its command line is in command.txt in the evidence."


def _too_old(board: Board, program: str) -> QemuTooOld | None:
    try:
        check_version(board, program, qemu_version(program))
    except QemuTooOld as error:
        return error
    return None
