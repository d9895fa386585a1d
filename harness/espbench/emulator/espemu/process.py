# SPDX-License-Identifier: MIT
"""`EspEmu`: an esp-emu process from its command line to its end."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from espbench.boards.emulators import lacks
from espbench.emulator.espemu.command import GUEST, HOST, command_line
from espbench.emulator.espemu.control import ControlChannel
from espbench.emulator.espemu.discovery import esp_emu_version, find_esp_emu
from espbench.errors import PortInUse, QemuDied, QemuError, QemuTooOld
from espbench.qemu import launcher
from espbench.qemu.hostfwd import Forward
from espbench.qemu.process import STDERR_LINES, Machine, check_version, explain_status
from espbench.qemu.uart_pacing import Pace
from espbench.util.timeouts import Deadline

__all__ = ["LOG", "EspEmu", "free_ports"]

LOG = "esp-emu.txt"
"""Name of the file with its standard error, in the device's folder."""
PORTS = range(20_000, 32_000)
"""Where free host ports are looked for: below what Linux (32768) and macOS (49152) give to clients.
"""
GRACE = 0.5
"""Seconds (before scaling) that it has to end after SIGINT."""


def free_ports(number: int) -> list[int]:
    """Return free TCP ports of 127.0.0.1, in no order.

    esp-emu has no way to choose a free port itself, so another program may take one before. None of
    them is a port that the kernel gives to clients: a client that waits for esp-emu to listen could
    get that very port, and be connected to itself.

    Raises:
        PortInUse: there are not enough.
    """
    found: list[int] = []
    with ExitStack() as stack:
        for port in random.sample(PORTS, len(PORTS)):
            if len(found) == number:
                break
            end = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                end.bind((HOST, port))
                found.append(port)
    if len(found) < number:
        raise PortInUse(
            f"Fewer than {number} of the ports {PORTS.start} to {PORTS.stop - 1} of {HOST} are "
            "free: end the programs that use them (see ss -ltnp)."
        )
    return found


class EspEmu:
    """One esp-emu process; it has the methods of `Qemu` that any device needs."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        """Prepare, without starting it.

        Args:
            machine: the machine to emulate; its number of forwards for a guest port is ignored.
            folder: folder for its standard error.

        Raises:
            QemuError: esp-emu is not installed.
        """
        self.machine = machine
        self.program = machine.program or find_esp_emu()
        self.command: list[str] = []
        self.console: socket.socket | None = None
        self.forwards: list[Forward] = []
        self._channel: ControlChannel | None = None
        self._process: launcher.Process | None = None
        self._log = folder / LOG
        self._stopping = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process id, or None if it was never started."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; `self.console` gets its output from the first byte on.

        Raises:
            QemuError: it could not be started.
        """
        guests = sorted(self.machine.forwards)
        control, *hosts = free_ports(1 + len(guests))
        ports = dict(zip(guests, hosts, strict=True))
        self.forwards = _forwards(ports.items())
        self._channel = ControlChannel(control)
        self.command = command_line(self.machine, ports, program=self.program, control=control)
        self.console, far = socket.socketpair()
        try:
            self._process = launcher.start_on(self.command, console=far.fileno(), stderr=self._log)
        except OSError as error:
            raise QemuError(f"{self.program} could not be started: {error}.") from error
        finally:
            far.close()

    def take_wires(self) -> tuple[socket.socket, None]:
        """Return the socket of the console, which the caller has to close, and None."""
        console, self.console = self.console, None
        assert console is not None
        return console, None

    def pace(self, elf: Path) -> Pace | None:  # noqa: ARG002
        """Return None: esp-emu does the flow control of its UART."""
        return None

    def connect(self, deadline: Deadline) -> None:
        """Wait until it answers on its control channel.

        Raises:
            QemuError: it ended, or does not answer.
        """
        assert self._channel is not None
        if not self._channel.connect(deadline, lambda seconds: self.wait(seconds) is not None):
            raise self.death()

    def reset(self, deadline: Deadline) -> None:
        """Reset the chip, as its pin EN does.

        Raises:
            QemuError: esp-emu has ended, or did not answer.
        """
        if self._channel is None:
            raise QemuError("esp-emu is not running, so it cannot reset the chip: start it first.")
        self._channel.execute("reset", deadline)

    def add_forward(self, rule: str, deadline: Deadline | float = 5.0) -> None:  # noqa: ARG002
        """Raise an error: esp-emu forwards ports only from its start on.

        Raises:
            NotEmulated: always.
        """
        raise lacks(f"way to forward a port ({rule}) once it runs")

    def forward_apart(
        self,
        guest_port: int,
        number: int,  # noqa: ARG002
        deadline: Deadline | float = 5.0,  # noqa: ARG002
    ) -> list[int]:
        """Raise an error, as `add_forward` does.

        Raises:
            NotEmulated: always.
        """
        raise lacks(f"way to forward a port (to {guest_port}) once it runs")

    def host_ports(self, guest_port: int) -> list[int]:
        """Return the host port that is forwarded to a guest port, or none."""
        return [each.host_port for each in self.forwards if each.guest_port == guest_port]

    def stderr(self) -> str:
        """Return the last lines of its standard error."""
        with contextlib.suppress(OSError):
            lines = self._log.read_text(errors="replace").splitlines()
            return "\n".join(lines[-STDERR_LINES:])
        return ""

    def wait(self, timeout: float) -> int | None:
        """Return the exit status if it ends within this many seconds, else None."""
        return None if self._process is None else launcher.wait(self._process, timeout)

    def death(self) -> QemuError:
        """Return the error for an esp-emu that ended unexpectedly."""
        status = self.wait(Deadline(1.0).seconds)
        stderr = self.stderr()
        try:
            check_version(self.machine.board, self.program, esp_emu_version(self.program))
        except QemuTooOld as error:  # it knows fewer options
            return error
        except QemuError:
            pass
        message = f"esp-emu {explain_status(status)}"
        message += f"; its last output:\n{stderr}" if stderr else " without output."
        return QemuDied(message, status=status, stderr=stderr)

    def stop(self) -> int | None:
        """End the process, whatever state it is in, and return its exit status.

        Tries SIGINT first, on which it ends by itself, then SIGKILL.
        """
        with self._stopping:
            process = self._process
            try:
                if process is None:
                    return None
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                    self.wait(Deadline(GRACE).seconds)
                return process.poll()
            finally:
                if process is not None:
                    launcher.kill(process)
                if self.console is not None:
                    self.console.close()
                if self._channel is not None:
                    self._channel.close()


def _forwards(ports: Iterable[tuple[int, int]]) -> list[Forward]:
    """Return the forwarded ports, given guest and host ports."""
    return [Forward("tcp", HOST, host, GUEST, guest) for guest, host in ports]
