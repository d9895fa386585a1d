"""`espbench up`: boots a device and stays, with its console on this terminal, until Ctrl-C."""

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
import tty
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from espbench.boards import Board
from espbench.certs import recipes
from espbench.device import Device
from espbench.errors import ConfigError, EspbenchError, NotReady, PortInUse

INTERRUPT = b"\x1d"
"""Ctrl-]: sent to the device as Ctrl-C, which ends `up` itself."""
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
    """

    board: Board
    firmware: Path
    fixed: Mapping[str, int]
    host: str = HERE
    files: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    args: Mapping[str, str] | None = None


def device_files(wish: Wish) -> dict[str, Any]:
    """Return the files of the device.

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


def addresses(device: Device, fixed: Mapping[str, int], host: str = HERE) -> dict[str, str]:
    """Return the addresses by scheme; https and wss only when that server runs."""
    listening = {str(e.get("scheme")) for e in device.events if e.get("event") == "listening"}
    found = {}
    for scheme, base, path in (
        ("http", "http", "/"),
        ("https", "https", "/"),
        ("ws", "http", "/ws"),
        ("wss", "https", "/ws"),
    ):
        if base in device.board.ports and (not listening or base in listening):
            port = fixed.get(base) or device.port(device.board.ports[base])
            at = host if base in fixed and host != EVERYWHERE else HERE
            found[scheme] = f"{scheme}://{at}:{port}{path}"
    return found


def up(wish: Wish, out: Console, *, as_json: bool) -> int:
    """Boot, show addresses and console until Ctrl-C; return an exit status.

    Raises:
        EspbenchError: it could not boot, or it panicked or died.
    """
    for port in wish.fixed.values():
        check_free(port, wish.host)
    device = Device(
        wish.board,
        wish.firmware,
        files=device_files(wish),
        args=wish.args,
        internet=True,
        name="up",
    )
    with contextlib.closing(device):
        device.start(wait=False)
        for scheme, port in wish.fixed.items():
            forward(device, port, device.board.ports[scheme], wish.host)
        herald = threading.Thread(
            target=_announce_when_ready, args=(device, wish, out, as_json), daemon=True
        )
        herald.start()
        _console(device)
    return 0


def _announce_when_ready(device: Device, wish: Wish, out: Console, as_json: bool) -> None:
    """Show the addresses as soon as they work, while the console shows the boot."""
    try:
        device.wait_ready()
    except NotReady as error:
        # HTTPS may have been refused: the console says why, and HTTP may work.
        why = str(error).partition("; its console")[0]
        out.print(f"espbench: {why}", style="yellow", markup=False, soft_wrap=True)
    except EspbenchError:
        return  # whoever copies the console finds the same, and tells it
    _announce(device, wish, out, as_json=as_json)


def _announce(device: Device, wish: Wish, out: Console, *, as_json: bool) -> None:
    if not device.running:
        return
    found = addresses(device, wish.fixed, wish.host)
    if as_json:
        out.print_json(data={"addresses": found, "qemu": device.pid, "folder": str(device.folder)})
        return
    for scheme, address in found.items():
        out.print(f"{scheme:6} {address}", highlight=False, soft_wrap=True)
    out.print("Ctrl-C ends it; Ctrl-] interrupts the program on the device.", style="dim")


def _console(device: Device) -> None:
    """Copy the device's console to standard output, and what is typed to the device."""
    with _typing(device):
        shown = 0
        while True:
            with device.console.changed:
                while len(device.console.text) == shown and not device.console.closed:
                    device.console.changed.wait(1.0)
                text, shown = device.console.text[shown:], len(device.console.text)
                closed = device.console.closed
            sys.stdout.write(text)
            sys.stdout.flush()
            if closed:
                device.check()
                return


@contextlib.contextmanager
def _typing(device: Device) -> Iterator[None]:
    """Send each key to the device as it is typed; the device echoes it."""
    source = sys.stdin.fileno() if sys.stdin is not None and not sys.stdin.closed else -1
    if source < 0 or not os.isatty(source):
        yield
        return
    before = termios.tcgetattr(source)
    reading, writing = os.pipe()
    typist = threading.Thread(target=_type, args=(device, source, reading), daemon=True)
    try:
        tty.setcbreak(source)  # Ctrl-C still is a signal
        typist.start()
        yield
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, before)
        os.close(writing)
        typist.join(timeout=1)
        os.close(reading)


def _type(device: Device, source: int, ends: int) -> None:
    while True:
        ready, _, _ = select.select([source, ends], [], [])
        if ends in ready:
            return
        data = os.read(source, 1024)
        if not data:
            return
        # A terminal sends LF for Enter in this mode; MicroPython's line editor wants CR.
        with contextlib.suppress(Exception):  # a device that died is told about elsewhere
            device.console.send(data.replace(INTERRUPT, b"\x03").replace(b"\n", b"\r"))
