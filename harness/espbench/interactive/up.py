# SPDX-License-Identifier: MIT
"""`espbench up`: boots a device, shows its addresses, and connects the terminal to its console."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from espbench.boards.board import Board
from espbench.boards.firmware_options import files_in
from espbench.boards.readiness import ListeningReadiness, Readiness
from espbench.certs import recipes
from espbench.check.server import Server as Found
from espbench.check.target.discovery import (
    CANDIDATES,
    LISTEN,
    forwarded,
    identify,
    listening_ports,
)
from espbench.check.target.found import is_own
from espbench.device.device import Device
from espbench.device.firmware_file import check_firmware
from espbench.device.flash_layout import has_file_system
from espbench.errors import ConfigError, EspbenchError, NotReady, PortInUse
from espbench.inspect.debugging import Debugging
from espbench.interactive.answering import Address, Server, addresses_of, answering
from espbench.interactive.keyboard import sending_keys, terminal
from espbench.interactive.output import Output
from espbench.interactive.status import curl, row, status
from espbench.interactive.webrepl_password import Access, random_password, with_password
from espbench.util.timeouts import Deadline

ON_A_TERMINAL = (
    "This terminal is the device's console: it shows the device's output and sends what you "
    "type.\nCtrl-] ends espbench up. Ctrl-T shows the addresses, the heap and the tasks. Ctrl-C "
    "stops the device's program and opens MicroPython's prompt >>>; Ctrl-D there restarts the "
    "program."
)
OTHERS_TERMINAL = (
    "This terminal is the device's console: it shows the device's output and sends what you "
    "type, also Ctrl-C.\nCtrl-] ends espbench up. Ctrl-T shows the addresses, the heap and the "
    "tasks."
)
ELSEWHERE = "The device's output follows; Ctrl-C ends espbench up."
LOOK, SELDOM = 0.5, 8.0
"""Seconds between two checks for servers; doubled after each failure, up to `SELDOM`."""
STABLE = 1.5
"""Seconds without another server after which all are taken to be there, as in a check."""
PATIENCE, MOST_PATIENCE = 2.0, 16.0
"""Seconds (before scaling) for an answer on a port on which nothing may listen; doubled each time.
"""
CERT, KEY = "/certs/servercert.pem", "/certs/prvtkey.pem"
DEFAULT_RECIPE = "p256"
HERE = "127.0.0.1"
EVERYWHERE = "0.0.0.0"


@dataclass(frozen=True)
class UpOptions:
    """The options of `espbench up`.

    Attributes:
        board, firmware: the board and its firmware.
        fixed: host port by scheme ("http", "https"); other schemes get free ports.
        host: the IPv4 address on which fixed ports listen.
        files: folder with the content of the device's file system, or None.
        files_partition: label of the partition for them; "" for the only one.
        cert, key: PEM files, both or neither; with neither, a test certificate is used.
        args: boot arguments.
        internet: whether the device may open connections, including to this host's loopback.
        password: the WebREPL's password, unless a file sets another; None for a random one.
        elf: the firmware's ELF file, or None for the one next to it.
        ports: the ports it listens on, by URL scheme; None for the board's.
        ready: when it is ready; None: when its servers answer.
        ready_timeout: seconds (before scaling) until then; None for the board's.
        gdb: whether to offer the device to gdb.
        gdb_waits: whether the firmware starts only when gdb continues.
        gdb_port: host port for gdb; None for a free one.
    """

    board: Board
    firmware: Path
    fixed: Mapping[str, int]
    host: str = HERE
    files: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    args: Mapping[str, str] | None = None
    internet: bool = False
    password: str | None = None
    elf: Path | None = None
    ports: Mapping[str, int] | None = None
    ready: Readiness | None = None
    ready_timeout: float | None = None
    gdb: bool = False
    gdb_waits: bool = False
    gdb_port: int | None = None
    files_partition: str = ""


def access(options: UpOptions) -> Access:
    """Return the files of the device, and its WebREPL's password.

    Raises:
        ConfigError: see `device_files` and `with_password`.
    """
    return with_password(device_files(options), options.password or random_password())


def start_files(options: UpOptions) -> Access:
    """Return the files that the device starts with, and its WebREPL's password.

    A firmware other than MicroPython gets only the files that the user named.

    Raises:
        ConfigError: see `access`; or the firmware cannot be on the board.
        ImageError: the firmware's partition table is damaged.
    """
    if has_file_system(options.board, options.firmware):
        return access(options)
    return Access(device_files(options, own=False), None, "the firmware")


def device_files(options: UpOptions, *, own: bool = True) -> dict[str, Any]:
    """Return the files of the device, without its WebREPL's password.

    Args:
        options: the options.
        own: whether to add a test certificate if there is none.

    Raises:
        ConfigError: a file or folder is missing, or only one of certificate and key is given.
    """
    if (options.cert is None) != (options.key is None):
        raise ConfigError("A certificate needs its key: give both --cert and --key, or neither.")
    files: dict[str, Any] = {}
    if options.files is not None:
        files = dict(files_in(options.files, "--files"))
    if options.cert is not None and options.key is not None:
        for path in (options.cert, options.key):
            if not path.is_file():
                raise ConfigError(f"The file {path} does not exist: check --cert and --key.")
        files |= {CERT: options.cert, KEY: options.key}
    elif own and CERT not in files and KEY not in files:
        made = recipes()[DEFAULT_RECIPE].device_files
        files |= {f"/certs/{name}": data for name, data in made.items()}
    return files


def check_address(options: UpOptions) -> None:
    """Check that the chosen address belongs to this machine, and that a port uses it.

    Raises:
        ConfigError: it does not, or no port does; or the board's emulator takes free ports only.
    """
    if options.fixed and not options.board.in_qemu:
        raise ConfigError(
            "espbench chooses the host's ports for esp-emu itself: omit --http-port and "
            "--https-port, and take the address that it shows."
        )
    if options.host == HERE:
        return
    try:
        ipaddress.IPv4Address(options.host)
        with socket.socket() as probe:
            probe.bind((options.host, 0))
    except (ValueError, OSError):
        raise ConfigError(
            f"{options.host!r} is not an IPv4 address of this machine: choose one that `ip addr` "
            f"shows, or {EVERYWHERE} for all of them."
        ) from None
    if not options.fixed:
        raise ConfigError(
            "--host applies only to chosen ports: give --http-port or --https-port as well."
        )


def check_free(port: int, host: str = HERE) -> None:
    """Check that a host port is free, before anything starts.

    Raises:
        PortInUse: another program uses the port, or only root may use it.
        ConfigError: the port is not between 1 and 65535.
    """
    if not 1 <= port <= 65535:
        raise ConfigError(f"{port} is not a valid port: choose one from 1 to 65535.")
    with socket.socket() as probe:
        # The relay's listener sets this too, so a port in TIME-WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EACCES:
                raise PortInUse(
                    f"Port {port} of {host} is for root only: choose one above 1023, "
                    "or omit the option for a free one."
                ) from error
            raise PortInUse(
                f"Port {port} of {host} is in use: end the program that uses it (see ss -ltnp), "
                "choose another, or omit the option for a free one."
            ) from error


def forward(device: Device, host_port: int, guest_port: int, host: str = HERE) -> None:
    """Open one more host port that leads to the running device.

    Raises:
        PortInUse: another program has taken it meanwhile.
        NotEmulated: the emulator cannot forward further ports.
    """
    try:
        device.run.relay.listen(guest_port, host, host_port)
    except PortInUse as error:
        raise PortInUse(
            f"Port {host_port} of {host} is in use by now: end the program that uses it, "
            "choose another, or omit the option for a free one."
        ) from error


def servers(device: Device, options: UpOptions) -> list[Server]:
    """Return the address of each server of the board, whether it runs or not."""
    found = []
    for scheme, guest_port in device.board.ports.items():
        fixed = scheme in options.fixed
        host = options.host if fixed and options.host != EVERYWHERE else HERE
        port = options.fixed[scheme] if fixed else device.relay(guest_port)
        found.append(Server(scheme, host, port))
    return found


def up(options: UpOptions, out: Console, *, as_json: bool) -> int:
    """Boot, show addresses and console until Ctrl-] or Ctrl-C, and return an exit status.

    With `as_json`, the addresses go to standard output once, and everything else to standard error.

    Raises:
        EspbenchError: the device could not boot, panicked or died.
    """
    for port in options.fixed.values():
        check_free(port, options.host)
    if options.elf is not None and not options.elf.is_file():
        raise ConfigError(f"The file {options.elf} does not exist: check its path.")
    check_firmware(options.board, options.firmware)
    known = start_files(options)
    people = Console(stderr=True) if as_json else out
    if options.host != HERE:
        _warn_of(options.host, people)

    def show(text: str) -> None:
        people.print(text, highlight=False, markup=False, soft_wrap=True)

    debugging = Debugging(show, options.gdb_waits, options.gdb_port or 0) if options.gdb else None
    device = Device(
        options.board,
        options.firmware,
        files=known.files,
        files_partition=options.files_partition,
        args=options.args,
        internet=options.internet,
        elf=options.elf,
        ports=options.ports,
        ready=options.ready or options.board.readiness,
        ready_timeout=options.ready_timeout,
        capture=False,  # it would grow for as long as the device runs, and nobody reads it
        debugging=debugging,
        name="up",
    )
    with contextlib.closing(device):
        device.start(wait=False)
        for scheme, port in options.fixed.items():
            forward(device, port, device.board.ports[scheme], options.host)
        here = OTHERS_TERMINAL if device.memory.from_outside else ON_A_TERMINAL
        people.print(
            here if terminal() >= 0 else ELSEWHERE,
            style="dim",
            highlight=False,
            soft_wrap=True,
        )
        output = Output(sys.stderr if as_json else sys.stdout, people)
        announcer = _Announcer(
            device,
            servers(device, options),
            known,
            output,
            out if as_json else None,
            verified=options.cert is not None,
        )
        threading.Thread(target=announcer.run, daemon=True).start()
        _console(device, output, announcer.show_status)
    return 0


def _warn_of(host: str, out: Console) -> None:
    out.print(
        f"--host {host}: anyone who can reach this machine there can reach the device, and with "
        "the WebREPL's password its REPL. Over http, that password is not encrypted.",
        style="yellow",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


class _Announcer:
    """Prints the addresses as soon as they answer, while the console shows the boot."""

    def __init__(
        self,
        device: Device,
        servers: Sequence[Server],
        known: Access,
        output: Output,
        programs: Console | None,
        *,
        verified: bool = False,
    ) -> None:
        """Prepare.

        Args:
            device: the device.
            servers: where its servers are reached.
            known: its files and password.
            output: the terminal.
            programs: receives the addresses once, as JSON; None for no such document.
            verified: whether the user has a certificate that verifies the device's.
        """
        self._device = device
        self._left = {server.scheme: server for server in servers}
        self._known = known
        self._output = output
        self._programs = programs
        self._found: list[Address] = []
        self._password_shown = False
        self._tried: set[int] = set()
        self._patience = PATIENCE
        self._verified = verified
        self._asked = threading.Lock()

    def run(self) -> None:
        """Wait for the expected servers, print what answers, and then what answers later."""
        with contextlib.suppress(EspbenchError):  # `_console` raises it too
            why = self._boot()
            if self._device.running:
                self._say_first(why)
            pace = LOOK
            while self._device.running and (self._left or not is_own(self._device)):
                self._pause(pace)
                new = self._look()
                self._found += new
                self._show(new)
                pace = LOOK if new else min(2 * pace, SELDOM)

    def _pause(self, seconds: float) -> None:
        """Wait for `seconds`, or until the device ends."""
        ends = time.monotonic() + seconds
        while self._device.running and (left := ends - time.monotonic()) > 0:
            self._device.wait_for_change(left)

    def _boot(self) -> str:
        """Wait until all expected servers answer; return why they will not, or ""."""
        device, ready = self._device, self._device.readiness
        if not is_own(device):
            self._print("Looking for its servers, which may log errors meanwhile.", style="dim")
        deadline = Deadline(device.ready_timeout)
        if not isinstance(ready, ListeningReadiness):
            try:
                device.wait_ready(deadline)
            except NotReady as error:
                return str(error).partition("; its console")[0]
            self._found += self._look()
            return ""
        expected = set(ready.expected(device))
        while expected & set(self._left) and not deadline.expired():
            device.check()
            try:
                listens = device.wait_for_listeners(expected, Deadline(LOOK))
                if not device.control.seen:  # its listeners are not reported
                    device.run.readiness.check_program(LISTEN)
            except NotReady as error:
                self._found += self._look()
                return str(error).partition("; its console")[0]
            if listens or not device.control.seen:
                new = self._look()
                self._found += new
                if self._found and not is_own(device):
                    self._settle()  # it may serve nothing else
                    return ""
                if not new:
                    self._pause(LOOK)
        return ""

    def _settle(self) -> None:
        """Wait for further servers, until none has come for a while."""
        while self._device.running:
            self._pause(STABLE)
            new = self._look()
            if not new:
                return
            self._found += new

    def _look(self) -> list[Address]:
        """Return the addresses that have begun to answer since the last call."""
        if not is_own(self._device):
            return self._look_from_outside()
        listening = {str(e.get("scheme")) for e in self._device.events if "scheme" in e}
        # If the firmware reports its servers, do not try others.
        wanted = listening if self._device.control.seen else set(self._left)
        new = answering([self._left[scheme] for scheme in self._left if scheme in wanted])
        for address in new:
            self._left.pop(address.name, None)
        return new

    def _look_from_outside(self) -> list[Address]:
        """Return the addresses of a firmware that does not report its servers."""
        new: list[Address] = []
        for server in self._new_servers():
            self._tried.add(server.port)
            new += self._addresses(server)
        return new

    def _new_servers(self) -> list[Found]:
        """Return the servers that were not found before."""
        device = self._device
        try:
            ports = sorted(set(listening_ports(device)) - self._tried)
            found = [identify(device, port) for port in ports]
        except EspbenchError:  # it has no ELF file or another TCP/IP stack, or it is booting
            likely = dict.fromkeys((*device.board.ports.values(), *CANDIDATES))
            ports = [port for port in likely if port not in self._tried]
            for port in ports:
                forwarded(device, port)
            deadline = Deadline(self._patience)
            self._patience = min(2 * self._patience, MOST_PATIENCE)
            with ThreadPoolExecutor(len(ports) or 1) as pool:
                found = list(pool.map(lambda port: identify(device, port, until=deadline), ports))
        return [each for each in found if each is not None]

    def _addresses(self, server: Found) -> list[Address]:
        """Return the addresses of a server that was found, at the user's port if it has one."""
        usual = self._device.board.ports.get(server.scheme) == server.port
        if usual and server.scheme in self._left:
            return answering([self._left.pop(server.scheme)])
        return addresses_of(server.scheme, server.port, self._device.relay(server.port))

    def _say_first(self, why: str) -> None:
        if why:
            self._print(f"espbench: {why}", style="yellow")
        if not self._found:
            ports = " and ".join(str(port) for port in self._device.board.ports.values())
            self._print(
                f"Nothing answers on the device's ports {ports} yet. Servers that start later are "
                "shown here.",
                style="yellow",
            )
        self._show(self._found)
        if self._programs is not None:
            self._programs.print_json(data=self._as_json())

    def _show(self, new: Sequence[Address]) -> None:
        if not new:
            return
        lines = self._rows(new)
        known = [address for address in self._found if address not in new]
        if not self._verified and not curl(known):
            lines += curl(new)
        if terminal() >= 0:
            lines.append(
                row("keys", "Ctrl-T shows this again, with heap and tasks; Ctrl-] ends it")
            )
        self._print("\n".join(lines), style="bold")

    def _rows(self, addresses: Sequence[Address], *, again: bool = False) -> list[str]:
        """Return the lines of these addresses, and of the WebREPL's password.

        Args:
            addresses: the addresses.
            again: whether to return the password once more.
        """
        lines = [row(address.name, address.url) for address in addresses]
        shown = self._password_shown and not again
        if not shown and any(address.is_webrepl for address in addresses):
            self._password_shown = True
            password = self._known.password or f"set by {self._known.source} on the device"
            lines.append(row("password", f"{password}  (WebREPL, and the terminal of the page)"))
        return lines

    def show_status(self) -> None:
        """Print addresses, heap and tasks, unless another call is about to."""
        if not self._asked.acquire(blocking=False):
            return
        try:
            found = list(self._found)
            lines = self._rows(found, again=True) or ["Nothing answers yet."]
            lines += [] if self._verified else curl(found)
            self._print("\n".join([*lines, *status(self._device)]), style="bold")
        finally:
            self._asked.release()

    def _print(self, text: str, style: str | None = None) -> None:
        self._output.message(text, style)
        with self._device.console.changed:
            self._device.console.changed.notify_all()  # `_console` writes it

    def _as_json(self) -> dict[str, Any]:
        return {
            "addresses": {address.name: address.url for address in self._found},
            "password": self._known.password,
            "qemu": self._device.pid,
            "folder": str(self._device.folder),
        }


def _console(device: Device, output: Output, show_status: Callable[[], None]) -> None:
    """Write the device's console and the messages, and send typed keys, until Ctrl-]."""
    leave = threading.Event()
    with sending_keys(device, leave, show_status):
        shown = 0
        while True:
            with device.console.changed:
                while (
                    len(device.console.text) == shown
                    and not device.console.closed
                    and not leave.is_set()
                    and (due := output.due()) != 0
                ):
                    device.console.changed.wait(1.0 if due is None else due)
                text, shown = device.console.text[shown:], len(device.console.text)
                closed = device.console.closed
            output.write(text, last=closed or leave.is_set())
            if leave.is_set():
                return
            if closed:
                device.check()
                return
