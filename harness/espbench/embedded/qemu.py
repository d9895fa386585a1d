# SPDX-License-Identifier: MIT
"""pytest-embedded's QEMU class on top of a `Device`.

`create` makes duts that live longer than a test, for which pytest-embedded has no fixture. Its
`DutFactory.create()` works in the same way, but does not accept other classes.
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
from espbench.embedded.duts import Duts, MachineSpec, Order
from espbench.embedded.log import Log, LogProcess
from espbench.embedded.services import MAXREAD

__all__ = ["DutQemu"]

LONG = 1e6
"""Seconds that stand for no limit, because waits need an upper bound."""


class DutQemu(Qemu):  # type: ignore[misc]  # it has no types
    """A running device; `device` is the value of the fixture of that name."""

    device: Device

    def __new__(cls, *, duts: Duts, order: Order, **options: Any) -> Any:
        """Create pytest-embedded's own QEMU if espbench has no such board."""
        spec = None if order.make else duts.machine_spec(order, **_known(options))
        if spec is None and order.make is None:
            return Qemu(**options)
        made = super().__new__(cls)
        made._spec = spec
        return made

    def __init__(self, *, duts: Duts, order: Order, msg_queue: Any, **options: Any) -> None:
        """Boot the machine, and pass its output to `expect`."""
        self.app = options.get("app")
        self.efuse_path = options.get("qemu_efuse_path")
        spec: MachineSpec | None = self._spec
        self._end: Callable[[Device], None] = Device.close
        if spec is None:
            assert order.make is not None, (
                "there is either a spec or a function that boots the machine"
            )
            self.device = order.make()
            self.device.follow(msg_queue.put)
        else:
            if spec.efuse is not None:
                spec.efuse.write_bytes(QEMU_TARGETS[spec.board.name].default_efuse)
            self.device = duts.boot(spec, order, msg_queue)
            self._end = duts.end
        self.image_path = str(self.device.firmware)
        self.qemu_prog_path = self.device.program
        self._process = self.device.qemu
        self.args = self._process.command
        self.pid = self.device.pid
        self.returncode: int | None = None
        self.stdin = self.stdout = self.stderr = None

    def write(self, s: str | bytes) -> None:
        """Send `s` to the console; text gets a line feed appended."""
        self.device.console.send(to_bytes(s, "\n"))

    def qmp_execute_cmd(self, execute: str, arguments: dict[str, Any] | None = None) -> Any:
        """Execute a monitor command and return its answer."""
        return self.device.monitor(execute, **(arguments or {}))

    def poll(self) -> int | None:
        """Return the exit status if QEMU has ended, else None."""
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
        """End QEMU and wait for its end."""
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
        duts: the duts of the session.
        make: boots the machine, whose owner ends it.
        path: path of the log, which is written once something is expected.
        name: name of the test or module that uses the dut.

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
