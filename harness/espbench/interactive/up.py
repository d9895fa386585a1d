# SPDX-License-Identifier: MIT
"""`espbench up`: boots a device, shows its addresses, and leads the terminal to its console."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import select
import socket
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console

from espbench.boards.board import Board
from espbench.boards.readiness import ListeningReadiness
from espbench.certs import recipes
from espbench.device.device import Device
from espbench.errors import ConfigError, EspbenchError, NotReady, PortInUse
from espbench.interactive.answering import Address, Server, answering
from espbench.interactive.webrepl_password import Access, random_password, with_password
from espbench.util.timeouts import Deadline

LEAVE = b"\x1d"
"""Ctrl-]: ends `up`, as it does mpremote, miniterm and ESP-IDF's monitor. Ctrl-C goes through."""
ON_A_TERMINAL = (
    "This terminal is the device's console: it shows what the device prints, and sends what you "
    "type.\nCtrl-] ends espbench up. Ctrl-C stops the device's program, for MicroPython's prompt "
    ">>>; Ctrl-D there starts it again."
)
ELSEWHERE = "What the device prints follows; Ctrl-C ends espbench up."
LOOK, SELDOM = 0.5, 8.0
"""Seconds between two looks for a server; each that fails doubles them, up to `SELDOM`."""
CERT, KEY = "/certs/servercert.pem", "/certs/prvtkey.pem"
DEFAULT_RECIPE = "p256"
HERE = "127.0.0.1"
EVERYWHERE = "0.0.0.0"


@dataclass(frozen=True)
class Wish:
    """What to boot.

    Attributes:
        board, firmware: what runs.
        fixed: host port by scheme ("http", "https"); others are free ones.
        host: the IPv4 address where fixed ports listen.
        files: folder whose content is the device's file system, or None.
        cert, key: PEM files, both or none; none makes a certificate.
        args: boot arguments.
        internet: whether the device may open connections, this host's loopback included.
        password: the WebREPL's, where no file sets another; None for a random one.
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


def access(wish: Wish) -> Access:
    """Return the files of the device, and its WebREPL's password.

    Raises:
        ConfigError: as `device_files` and `with_password` do.
    """
    return with_password(device_files(wish), wish.password or random_password())


def device_files(wish: Wish) -> dict[str, Any]:
    """Return the files of the device, without its WebREPL's password.

    Raises:
        ConfigError: a file or folder is missing, or only one of certificate and key is given.
    """
    if (wish.cert is None) != (wish.key is None):
        raise ConfigError("A certificate needs its key: give both --cert and --key, or none.")
    files: dict[str, Any] = {}
    if wish.files is not None:
        if not wish.files.is_dir():
            raise ConfigError(f"There is no folder {wish.files}: check --files.")
        files = {
            "/" + path.relative_to(wish.files).as_posix(): path
            for path in sorted(wish.files.rglob("*"))
            if path.is_file()
        }
    if wish.cert is not None and wish.key is not None:
        for path in (wish.cert, wish.key):
            if not path.is_file():
                raise ConfigError(f"There is no file {path}: check --cert and --key.")
        files |= {CERT: wish.cert, KEY: wish.key}
    elif CERT not in files and KEY not in files:
        made = recipes()[DEFAULT_RECIPE].device_files
        files |= {f"/certs/{name}": data for name, data in made.items()}
    return files


def check_address(wish: Wish) -> None:
    """Check that the chosen address is one of this machine's, and is used.

    Raises:
        ConfigError: it is not.
    """
    if wish.host == HERE:
        return
    try:
        ipaddress.IPv4Address(wish.host)
        with socket.socket() as probe:
            probe.bind((wish.host, 0))
    except (ValueError, OSError):
        raise ConfigError(
            f"{wish.host!r} is no IPv4 address of this machine: choose one of `ip addr`, or "
            f"{EVERYWHERE} for all of them."
        ) from None
    if not wish.fixed:
        raise ConfigError(
            "--host is for ports that you choose: give --http-port or --https-port as well."
        )


def check_free(port: int, host: str = HERE) -> None:
    """Check that a host port can be listened on, before anything starts.

    Raises:
        PortInUse: somebody else has it, or only root may have it.
        ConfigError: there is no such port.
    """
    if not 1 <= port <= 65535:
        raise ConfigError(f"{port} is no port: choose one from 1 to 65535.")
    with socket.socket() as probe:
        # QEMU's listener sets this too, so that a port in TIME_WAIT is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EACCES:
                raise PortInUse(
                    f"Port {port} of {host} is for root only: choose one above 1023, "
                    "or leave the option away for a free one."
                ) from error
            raise PortInUse(
                f"Port {port} of {host} is in use: end the program that has it (ss -ltnp shows "
                "it), choose another, or leave the option away for a free one."
            ) from error


def forward(device: Device, host_port: int, guest_port: int, host: str = HERE) -> None:
    """Forward one more host port to the running device.

    Raises:
        PortInUse: QEMU could not listen there.
    """
    try:
        device.qemu.add_forward(f"tcp:{host}:{host_port}-:{guest_port}")
    except PortInUse as error:
        raise PortInUse(
            f"QEMU could not listen on port {host_port} of {host}: end the program that has it, "
            "choose another, or leave the option away for a free one."
        ) from error


def servers(device: Device, wish: Wish) -> list[Server]:
    """Return where each server of the board is reached, whether it runs or not."""
    found = []
    for scheme, guest_port in device.board.ports.items():
        fixed = scheme in wish.fixed
        host = wish.host if fixed and wish.host != EVERYWHERE else HERE
        port = wish.fixed[scheme] if fixed else device.port(guest_port)
        found.append(Server(scheme, host, port))
    return found


def up(wish: Wish, out: Console, *, as_json: bool) -> int:
    """Boot, show addresses and console until Ctrl-] or Ctrl-C; return an exit status.

    With `as_json` the addresses go to standard output once, and all the rest to standard error.

    Raises:
        EspbenchError: it could not boot, or it panicked or died.
    """
    for port in wish.fixed.values():
        check_free(port, wish.host)
    known = access(wish)
    people = Console(stderr=True) if as_json else out
    if wish.host != HERE:
        _warn_of(wish.host, people)
    device = Device(
        wish.board,
        wish.firmware,
        files=known.files,
        args=wish.args,
        internet=wish.internet,
        name="up",
    )
    with contextlib.closing(device):
        device.start(wait=False)
        for scheme, port in wish.fixed.items():
            forward(device, port, device.board.ports[scheme], wish.host)
        people.print(
            ON_A_TERMINAL if _terminal() >= 0 else ELSEWHERE,
            style="dim",
            highlight=False,
            soft_wrap=True,
        )
        herald = _Herald(device, servers(device, wish), known, people, out if as_json else None)
        threading.Thread(target=herald.run, daemon=True).start()
        _console(device, sys.stderr if as_json else sys.stdout)
    return 0


def _warn_of(host: str, out: Console) -> None:
    out.print(
        f"--host {host}: whoever reaches this machine there reaches the device, and with the "
        "WebREPL's password its REPL. Over http that password is not encrypted.",
        style="yellow",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


class _Herald:
    """Shows the addresses as soon as they answer, while the console shows the boot."""

    def __init__(
        self,
        device: Device,
        servers: Sequence[Server],
        known: Access,
        people: Console,
        programs: Console | None,
    ) -> None:
        self._device = device
        self._left = {server.scheme: server for server in servers}
        self._known = known
        self._people = people
        self._programs = programs
        self._found: list[Address] = []
        self._password_shown = False

    def run(self) -> None:
        """Wait for what is expected, show what answers, and then whatever answers later."""
        with contextlib.suppress(EspbenchError):  # whoever copies the console tells it
            why = self._boot()
            if self._device.running:
                self._say_first(why)
            pace = LOOK
            while self._device.running and self._left:
                self._pause(pace)
                new = self._look()
                self._show(new)
                pace = LOOK if new else min(2 * pace, SELDOM)

    def _pause(self, seconds: float) -> None:
        """Wait so long, whatever the console shows, or until the device has ended."""
        ends = time.monotonic() + seconds
        while self._device.running and (left := ends - time.monotonic()) > 0:
            self._device.wait_for_change(left)

    def _boot(self) -> str:
        """Look until all that should serve answers; return why that will not be, or ""."""
        device, ready = self._device, self._device.readiness
        deadline = Deadline(device.ready_timeout)
        expected = set(device.board.ports)
        if isinstance(ready, ListeningReadiness):
            expected = set(ready.expected(device))
        while expected & set(self._left) and not deadline.expired():
            device.check()
            try:
                listens = device.wait_for_listeners(expected, Deadline(LOOK))
            except NotReady as error:
                self._found += self._look()
                return str(error).partition("; its console")[0]
            if listens or not device.control.seen:
                new = self._look()
                self._found += new
                if not new:
                    self._pause(LOOK)
        return ""

    def _look(self) -> list[Address]:
        """Return the addresses that answer now, and did not yet."""
        listening = {str(e.get("scheme")) for e in self._device.events if "scheme" in e}
        # Firmware that tells which servers it starts is not asked for others.
        wanted = listening if self._device.control.seen else set(self._left)
        new = answering([self._left[scheme] for scheme in self._left if scheme in wanted])
        for address in new:
            self._left.pop(address.name, None)
        return new

    def _say_first(self, why: str) -> None:
        if self._device.console.text[-1:] not in ("", "\n"):
            self._print("")  # the console stands behind a prompt
        if why:
            self._print(f"espbench: {why}", style="yellow")
        if not self._found:
            ports = " and ".join(str(port) for port in self._device.board.ports.values())
            self._print(
                f"Nothing answers on the device's ports {ports}. What comes to answer there is "
                "shown here.",
                style="yellow",
            )
        self._show(self._found)
        if self._programs is not None:
            self._programs.print_json(data=self._as_json())

    def _show(self, new: Sequence[Address]) -> None:
        for address in new:
            self._print(f"{address.name:12} {address.url}")
        if not self._password_shown and any(address.is_webrepl for address in new):
            self._password_shown = True
            password = self._known.password or f"as {self._known.source} on the device has it"
            self._print(f"{'password':12} {password}  (WebREPL, and the terminal of the page)")

    def _print(self, text: str, style: str | None = None) -> None:
        self._people.print(text, style=style, highlight=False, markup=False, soft_wrap=True)

    def _as_json(self) -> dict[str, Any]:
        return {
            "addresses": {address.name: address.url for address in self._found},
            "password": self._known.password,
            "qemu": self._device.pid,
            "folder": str(self._device.folder),
        }


def _console(device: Device, to: TextIO) -> None:
    """Copy the device's console to a file, and what is typed to the device, until Ctrl-]."""
    leave = threading.Event()
    with _typing(device, leave):
        shown = 0
        while True:
            with device.console.changed:
                while (
                    len(device.console.text) == shown
                    and not device.console.closed
                    and not leave.is_set()
                ):
                    device.console.changed.wait(1.0)
                text, shown = device.console.text[shown:], len(device.console.text)
                closed = device.console.closed
            to.write(text)
            to.flush()
            if leave.is_set():
                return
            if closed:
                device.check()
                return


def _terminal() -> int:
    """Return the descriptor of the terminal that keys come from, or -1."""
    source = sys.stdin.fileno() if sys.stdin is not None and not sys.stdin.closed else -1
    return source if source >= 0 and os.isatty(source) else -1


@contextlib.contextmanager
def _typing(device: Device, leave: threading.Event) -> Iterator[None]:
    """Send each key to the device as it is typed; the device echoes it."""
    source = _terminal()
    if source < 0:
        yield
        return
    before = termios.tcgetattr(source)
    reading, writing = os.pipe()
    typist = threading.Thread(target=_type, args=(device, source, reading, leave), daemon=True)
    try:
        tty.setcbreak(source)
        keys = termios.tcgetattr(source)
        keys[6][termios.VINTR] = os.fpathconf(source, "PC_VDISABLE")  # Ctrl-C is no signal
        termios.tcsetattr(source, termios.TCSADRAIN, keys)
        typist.start()
        yield
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, before)
        os.close(writing)
        typist.join(timeout=1)
        os.close(reading)


def _type(device: Device, source: int, ends: int, leave: threading.Event) -> None:
    while True:
        ready, _, _ = select.select([source, ends], [], [])
        if ends in ready:
            return
        data = os.read(source, 1024)
        if not data:
            return
        typed, left, _ = data.partition(LEAVE)
        # A terminal sends LF for Enter in this mode; MicroPython's line editor wants CR.
        with contextlib.suppress(Exception):  # a device that died is told about elsewhere
            device.console.send(typed.replace(b"\n", b"\r"))
        if left:
            leave.set()
            with device.console.changed:
                device.console.changed.notify_all()
            return
