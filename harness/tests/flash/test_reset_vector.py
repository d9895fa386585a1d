# SPDX-License-Identifier: MIT
"""The code at the reset vector starts the kernel, because QEMU 11.1 leaves the vector empty."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from espbench.boards.readiness import ConsoleReadiness
from espbench.device.device import Device
from espbench.flash import kernel_elf, reset_vector


def monitor(device: Device, line: str) -> str:
    """Return the output of a command of the human monitor."""
    return str(device.monitor("human-monitor-command", command_line=line))


def memory(device: Device, address: int, length: int) -> bytes:
    """Return bytes of the guest's physical memory."""
    output = monitor(device, f"xp /{length}xb {address:#x}")
    return bytes.fromhex("".join(re.findall(r"0x([0-9a-f]{2})\b", output)))


def test_a_kernel_starts_with_its_tags(tiny_firmware: Callable[..., Path]) -> None:
    """Our code starts the kernel with a2 = the first boot tag, at power-on and after a reset."""
    firmware = tiny_firmware()
    expected = reset_vector.code(kernel_elf.entry(firmware))
    with Device("lx60", firmware, ready=ConsoleReadiness("^ready")) as device:
        for start in range(2):
            if start:
                device.reset()
            assert memory(device, reset_vector.ADDRESS, reset_vector.SIZE) == expected
            # The tiny firmware saves its a2 in a6.
            registers = monitor(device, "info registers")
            tags = int(re.findall(r"A06=([0-9a-f]{8})", registers)[0], 16)
            assert tags % reset_vector.TAGS_ALIGNMENT == 0
            first = reset_vector.TAG_FIRST.to_bytes(4, "little")
            assert memory(device, tags, 4) == first
