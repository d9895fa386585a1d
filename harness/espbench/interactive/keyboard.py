# SPDX-License-Identifier: MIT
"""`sending_keys`: sends what the user types to the device, except for the keys of `espbench up`."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator

from espbench.device.device import Device

__all__ = ["sending_keys", "terminal"]

LEAVE = b"\x1d"
"""Ctrl-]: ends `up`, as in mpremote, miniterm and ESP-IDF's monitor. Ctrl-C goes to the device."""
STATUS = b"\x14"
"""Ctrl-T: shows the status, as on the terminals of BSD."""


def terminal() -> int:
    """Return the descriptor of the terminal on standard input, or -1."""
    source = sys.stdin.fileno() if sys.stdin is not None and not sys.stdin.closed else -1
    return source if source >= 0 and os.isatty(source) else -1


@contextlib.contextmanager
def sending_keys(
    device: Device, leave: threading.Event, show_status: Callable[[], None]
) -> Iterator[None]:
    """Send each key to the device as it is typed; the device echoes it."""
    source = terminal()
    if source < 0:
        yield
        return
    before = termios.tcgetattr(source)
    reading, writing = os.pipe()
    typist = threading.Thread(
        target=_type, args=(device, source, reading, leave, show_status), daemon=True
    )
    try:
        tty.setcbreak(source)
        keys = termios.tcgetattr(source)
        keys[6][termios.VINTR] = os.fpathconf(source, "PC_VDISABLE")  # Ctrl-C sends no signal
        termios.tcsetattr(source, termios.TCSADRAIN, keys)
        typist.start()
        yield
    finally:
        termios.tcsetattr(source, termios.TCSADRAIN, before)
        os.close(writing)
        typist.join(timeout=1)
        os.close(reading)


def _type(
    device: Device,
    source: int,
    ends: int,
    leave: threading.Event,
    show_status: Callable[[], None],
) -> None:
    while True:
        ready, _, _ = select.select([source, ends], [], [])
        if ends in ready:
            return
        data = os.read(source, 1024)
        if not data:
            return
        typed, left, _ = data.partition(LEAVE)
        if STATUS in typed:
            typed = typed.replace(STATUS, b"")
            # It may take seconds, in which keys are to reach the device.
            threading.Thread(target=show_status, daemon=True).start()
        # In this mode a terminal sends LF for Enter, but MicroPython's line editor expects CR.
        with contextlib.suppress(Exception):  # a device that died is reported by `_console`
            device.console.send(typed.replace(b"\n", b"\r"))
        if left:
            leave.set()
            with device.console.changed:
                device.console.changed.notify_all()
            return
