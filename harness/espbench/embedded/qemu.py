# SPDX-License-Identifier: MIT
"""What pytest-embedded holds as its QEMU: a `Device` behind the methods of its class.

`create` makes duts that live longer than a test, for which pytest-embedded has no fixture;
`DutFactory.create()` makes its own in the same way, and takes no class of somebody else's.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytest_embedded.dut_factory import dut_gn, qemu_gn
from pytest_embedded.utils import ClassCliOptions, to_bytes
from pytest_embedded_idf.unity_tester import IdfUnityDutMixin
from pytest_embedded_qemu import Qemu, QemuDut
from pytest_embedded_qemu.qemu import QEMU_TARGETS

from espbench.device.device import Device
from espbench.embedded.app import FirmwareApp
from espbench.embedded.duts import Duts, Order, Wish
from espbench.embedded.log import Log, LogProcess
from espbench.embedded.services import MAXREAD

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


@contextmanager
def create(duts: Duts, make: Callable[[], Device], path: Path, name: str) -> Iterator[Any]:
    """Yield a dut of the services idf and qemu.

    Args:
        duts: the session's.
        make: boots its machine, and sees to the end of that.
        path: of its log, which is written once somebody expects something.
        name: of what has it.

    Raises:
        EspbenchError: it could not be booted.
    """
    log = Log()
    log.open_when_read(path)
    app = FirmwareApp(str(path.parent))
    with Path(os.devnull).open("rb") as file:
        choice = ClassCliOptions(
            classes={"qemu": DutQemu, "dut": QemuDut},
            mixins={"dut": [IdfUnityDutMixin]},
            kwargs={
                "qemu": {"duts": duts, "order": Order(make=make, alone=True), "msg_queue": log},
                "dut": {
                    "pexpect_proc": LogProcess(file, log, MAXREAD),
                    "msg_queue": log,
                    "app": app,
                    "pexpect_logfile": str(path),
                    "test_case_name": name,
                    "qemu": None,
                },
            },
        )
        try:
            yield dut_gn(choice, None, None, app, None, qemu_gn(choice, app), None)
        finally:
            log.close()
