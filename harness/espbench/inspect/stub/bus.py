# SPDX-License-Identifier: MIT
"""Writes to a device's registers through QEMU's gdb stub, as the processor would.

A debugger's write goes to memory only. In the stub's mode for physical memory it goes to the
devices, too (`gdb_target_memory_rw_debug` in QEMU's gdbstub/system.c).
"""

from __future__ import annotations

from espbench.inspect.stub import attach
from espbench.inspect.stub.errors import StubRefused
from espbench.inspect.stub.protocol import RemoteProtocol
from espbench.qemu.qmp import Qmp

__all__ = ["write_register"]

PHYSICAL = b"Qqemu.PhyMemMode:%d"


def write_register(qmp: Qmp, address: int, value: int) -> None:
    """Write 32 bits to a physical address of a guest that is stopped.

    Args:
        qmp: the monitor; the caller holds its `halting`.
        address: the address.
        value: the value.

    Raises:
        StubBusy: a debugger is attached.
        StubError: QEMU has no stub, or it refused the write.
        QmpError: QEMU has ended.
    """
    remote = RemoteProtocol(attach.connect(qmp))
    try:
        if remote.command(PHYSICAL % 1) != b"OK":
            raise StubRefused("QEMU's gdb stub cannot write to devices: update QEMU.")
        remote.write(address, value.to_bytes(4, "little"))
        remote.command(PHYSICAL % 0)
    finally:
        attach.disconnect(qmp)
        remote.close()
