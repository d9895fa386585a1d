# SPDX-License-Identifier: MIT
"""What pytest-embedded holds as its QEMU: a `Device` behind the methods of its class."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

from pytest_embedded.utils import to_bytes
from pytest_embedded_qemu import Qemu
from pytest_embedded_qemu.qemu import QEMU_TARGETS

from espbench.device.device import Device
from espbench.embedded.duts import Duts, Order, Wish

LONG = 1e6
"""Seconds that stand for ever: what can be waited for has an upper bound."""


class DutQemu(Qemu):  # type: ignore[misc]  # it has no types
    """A running device; `device` is what a test's fixture of that name is, too."""

    device: Device

    def __new__(cls, *, duts: Duts, order: Order, **options: Any) -> Any:
        """Leave it to pytest-embedded when espbench has no such board."""
        wish = None if order.make else duts.wish(order, **_known(options))
        if wish is None and order.make is None:
            return Qemu(**options)
        made = super().__new__(cls)
        made._wish = wish
        return made

    def __init__(self, *, duts: Duts, order: Order, msg_queue: Any, **options: Any) -> None:
        """Boot the machine, and let what it prints reach `expect`."""
        self.app = options.get("app")
        self.efuse_path = options.get("qemu_efuse_path")
        wish: Wish | None = self._wish
        self._end: Callable[[Device], None] = Device.close
        if wish is None:
            assert order.make is not None, "there is either a wish, or what makes the machine"
            self.device = order.make()
            self.device.follow(msg_queue.put)
        else:
            if wish.efuse is not None:
                wish.efuse.write_bytes(QEMU_TARGETS[wish.board.name].default_efuse)
            self.device = duts.boot(wish, order, msg_queue)
            self._end = duts.end
        self.image_path = str(self.device.firmware)
        self.qemu_prog_path = self.device.program
        self._process = self.device.qemu
        self.args = self._process.command
        self.pid = self.device.pid
        self.returncode: int | None = None
        self.stdin = self.stdout = self.stderr = None

    def write(self, s: str | bytes) -> None:
        """Type `s`, text with a line feed behind it."""
        self.device.console.send(to_bytes(s, "\n"))

    def qmp_execute_cmd(self, execute: str, arguments: dict[str, Any] | None = None) -> Any:
        """Execute a monitor command and return its answer."""
        return self.device.monitor(execute, **(arguments or {}))

    def poll(self) -> int | None:
        """Return the exit status when QEMU has ended, else None."""
        self.returncode = self._process.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for QEMU's end and return the exit status.

        Raises:
            subprocess.TimeoutExpired: it has not ended within so many seconds.
        """
        self.returncode = self._process.wait(LONG if timeout is None else timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or LONG)
        return self.returncode

    def close(self) -> None:
        """End QEMU; nothing of it is left when this returns."""
        self._end(self.device)
        self.poll()

    terminate = kill = close


def _known(options: dict[str, Any]) -> dict[str, Any]:
    names = (
        *("qemu_image_path", "qemu_prog_path", "qemu_efuse_path"),
        *("qemu_cli_args", "qemu_extra_args"),
    )
    return {
        "app": options.get("app"),
        **{name.removeprefix("qemu_"): options.get(name) for name in names},
    }
