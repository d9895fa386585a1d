# SPDX-License-Identifier: MIT
"""The registers of a CPU by name: their numbers in the stub's packets, and their values.

A stub with a target description (RISC-V) names its registers. QEMU's stub for Xtensa has none, so
the layout of the core is taken from QEMU's target/xtensa/core-*/gdb-config.c.inc.
"""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from espbench.inspect.stub.errors import StubError

__all__ = ["RegisterLayout", "described_layout", "includes", "xtensa_layout"]

_WINDOWED = (
    "pc",
    *(f"ar{n}" for n in range(64)),
    *("lbeg", "lend", "lcount", "sar", "windowbase", "windowstart", "configid0", "configid1", "ps"),
)
_CORES: Mapping[str, Sequence[str]] = {
    "esp32": _WINDOWED,
    "esp32s3": _WINDOWED,
    "lx106": (
        *(f"a{n}" for n in range(16)),
        *("pc", "sar", "litbase", "sr176", "sr208", "ps"),
    ),
}


@dataclass(frozen=True)
class RegisterLayout:
    """The first registers of the `g` packet, 32 bits each, by name.

    Attributes:
        numbers: the number of each register, which is also its index in the `g` packet.
    """

    numbers: Mapping[str, int]

    def unpack(self, data: bytes) -> dict[str, int]:
        """Return the registers in the payload of the answer to `g`.

        Raises:
            StubError: the answer is too short.
        """
        count = max(self.numbers.values()) + 1
        # A register that cannot be read is written as x.
        text = data[: 8 * count].replace(b"x", b"0")
        if len(text) < 8 * count:
            raise StubError(
                f"QEMU's gdb stub sent {len(data) // 8} registers, but this CPU should have "
                f"{count}: this version of QEMU is not supported."
            )
        values = struct.unpack(f"<{count}I", bytes.fromhex(text.decode()))
        return {name: values[number] for name, number in self.numbers.items()}

    def pack(self, registers: Mapping[str, int]) -> bytes:
        """Return the payload that `G` takes, up to the last register of the layout."""
        count = max(self.numbers.values()) + 1
        values = [0] * count
        for name, number in self.numbers.items():
            values[number] = registers[name]
        return struct.pack(f"<{count}I", *values).hex().encode()


def xtensa_layout(core: str) -> RegisterLayout:
    """Return the layout of one of QEMU's Xtensa cores.

    Raises:
        StubError: the core is unknown.
    """
    if core not in _CORES:
        raise StubError(
            f"Unknown Xtensa core {core}: supported cores are {', '.join(sorted(_CORES))}."
        )
    return RegisterLayout({name: number for number, name in enumerate(_CORES[core])})


def includes(description: str) -> list[str]:
    """Return the annexes that a target description includes, in order."""
    return [element.get("href", "") for element in _parsed(description).iter("include")]


def described_layout(descriptions: Iterable[str]) -> RegisterLayout:
    """Return the layout in target descriptions: the 32-bit registers from number 0 on.

    Raises:
        StubError: they describe no registers.
    """
    sizes: dict[int, tuple[str, int]] = {}
    following = 0
    for description in descriptions:
        for register in _parsed(description).iter("reg"):
            number = int(register.get("regnum", following))
            sizes[number] = register.get("name", ""), int(register.get("bitsize", 32))
            following = number + 1
    numbers = {}
    for number in range(len(sizes)):
        name, bits = sizes.get(number, ("", 0))
        if bits != 32:
            break
        numbers[name] = number
    if not numbers:
        raise StubError("QEMU's gdb stub describes no 32-bit registers: is this a 32-bit guest?")
    return RegisterLayout(numbers)


def _parsed(description: str) -> ET.Element:
    # QEMU does not declare the prefix of XInclude.
    return ET.fromstring(description.replace("<xi:", "<"))
