# SPDX-License-Identifier: MIT
"""Attaches to the gdb stub of a running QEMU over its monitor, and detaches again.

QEMU needs no option for this: one end of a socket pair is passed to it as a character device, so
there is no port, no path and nothing to remove. Tried with QEMU 7.2, 10.0 and Espressif's 9.2.2.
"""

from __future__ import annotations

import socket

from espbench.errors import PortInUse, QmpError
from espbench.inspect.stub.errors import StubBusy, StubError
from espbench.qemu import debugger
from espbench.qemu.qmp import Qmp

__all__ = ["connect", "disconnect", "listen", "xtensa_core"]

CHARDEV = "espbench-gdb"
"""Label of the character device."""
DESCRIPTOR = "espbench-gdb-socket"
WAITS = "Waiting for gdb connection"
"""QEMU's answer when its stub is open."""
XTENSA_CPU = "-xtensa-cpu"


def connect(qmp: Qmp) -> socket.socket:
    """Attach to the stub, which stops the guest; return the connected socket.

    Raises:
        StubBusy: a debugger is attached already, or may attach.
        StubError: QEMU has no stub that can be attached to.
        QmpError: QEMU has ended.
    """
    labels = _labels(qmp)
    if debugger.CHARDEV in labels:
        raise StubBusy(
            "QEMU's gdb stub takes one client only, and is reserved for a debugger: start the "
            "device without --gdb (pytest: --espbench-gdb, QEMU: -gdb)."
        )
    if CHARDEV in labels:
        raise StubBusy(
            "A debugger is attached to this QEMU already, and its gdb stub takes one only: "
            "detach it first."
        )
    near, far = socket.socketpair()
    try:
        qmp.execute("getfd", fdname=DESCRIPTOR, pass_fd=far.fileno())
        address = {"type": "fd", "data": {"str": DESCRIPTOR}}
        backend = {"type": "socket", "data": {"addr": address, "server": False}}
        qmp.execute("chardev-add", id=CHARDEV, backend=backend)
        answer = qmp.monitor(f"gdbserver chardev:{CHARDEV}")
        if WAITS not in answer:
            qmp.execute("chardev-remove", id=CHARDEV)
            raise StubError(f"QEMU cannot be debugged: it said {answer.strip()!r}.")
    except BaseException:
        near.close()
        raise
    finally:
        far.close()
    return near


def listen(qmp: Qmp, port: int = 0) -> int:
    """Open the stub for a debugger on a TCP port of the loopback interface; return the port.

    The guest runs on until a debugger connects.

    Args:
        qmp: the monitor.
        port: the port; 0: a free one.

    Raises:
        StubBusy: espbench itself uses the stub, or it is already open.
        PortInUse: another program uses the port.
        StubError: QEMU has no stub.
        QmpError: QEMU has ended.
    """
    labels = _labels(qmp)
    if CHARDEV in labels:
        raise StubBusy(
            "QEMU's gdb stub takes one client only, and espbench itself uses it for breakpoints: "
            "end what needs them (ballast, failing allocations, a GdbStub), then open it again."
        )
    if debugger.CHARDEV in labels:
        raise StubBusy("QEMU's gdb stub is already open for a debugger: use that port.")
    answer = qmp.monitor(f"gdbserver tcp:{debugger.HOST}:{port}")
    if "in use" in answer:
        raise PortInUse(
            f"Port {port} of {debugger.HOST} is in use, so gdb cannot have it: end the program "
            "that uses it (see ss -ltnp), choose another, or omit it for a free one."
        )
    if WAITS not in answer:
        raise StubError(f"QEMU cannot be debugged: it said {answer.strip()!r}.")
    return debugger.gdb_port(qmp)


def _labels(qmp: Qmp) -> set[str]:
    return {device["label"] for device in qmp.execute("query-chardev")}


def disconnect(qmp: Qmp) -> None:
    """Close the stub, which also removes its character device.

    Raises:
        QmpError: QEMU has ended.
    """
    qmp.monitor("gdbserver none")


def xtensa_core(qmp: Qmp) -> str | None:
    """Return the name of the Xtensa core that QEMU emulates, or None for another CPU."""
    for cpu in qmp.execute("query-cpus-fast"):
        try:
            kind = str(qmp.execute("qom-get", path=cpu["qom-path"], property="type"))
        except QmpError:
            continue
        if kind.endswith(XTENSA_CPU):
            return kind.removesuffix(XTENSA_CPU)
    return None
