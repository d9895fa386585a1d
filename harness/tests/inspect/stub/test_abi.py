# SPDX-License-Identifier: MIT
"""The three calling conventions, on registers and instructions written down here."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.errors import ConfigError
from espbench.inspect.stub import FirmwareCode
from espbench.inspect.stub.abi import abi_of
from espbench.inspect.stub.abi.call0 import Call0
from espbench.inspect.stub.abi.riscv import NAMES, RiscV
from espbench.inspect.stub.abi.windowed import Windowed
from espbench.inspect.stub.errors import StubRefused

ENTRY, CALLER, FUNCTION = 0x400D1234, 0x400D5678, 0x400D9ABC


class Code:
    """Code at addresses, without frame information."""

    unwind_rules = None

    def __init__(self, **code: bytes) -> None:
        """Take the code by its address, such as x42000000."""
        self._code = {int(name[1:], 16): data for name, data in code.items()}

    def at(self, address: int, length: int) -> bytes:
        """Return the code at an address."""
        return self._code.get(address, b"")[:length]


def unmapped(address: int, length: int) -> bytes:
    """Fail like the stub."""
    raise StubRefused(f"0x{address:08x}, {length} bytes")


def windowed(base: int, callinc: int, start: int, **values: int) -> dict[str, int]:
    """Return registers, with a0 to a15 of the current window by name."""
    registers = {f"ar{n}": 0xDEAD0000 + n for n in range(64)}
    registers |= {"pc": ENTRY, "windowbase": base, "windowstart": start, "ps": callinc << 16 | 0x30}
    for name, value in values.items():
        registers[f"ar{(4 * base + int(name[1:])) % 64}"] = value
    return registers


def back(n: int, address: int) -> int:
    """Return the return address that a callN leaves."""
    return n // 4 << 30 | address & 0x3FFFFFFF


@pytest.mark.parametrize("n", [4, 8, 12])
def test_windowed_call(n: int) -> None:
    """Before `entry`, everything of a call is in the caller's window, which may wrap around."""
    abi = Windowed()
    values = {"a1": 0x3FFB0000, f"a{n}": back(n, CALLER), f"a{n + 2}": 100, f"a{n + 3}": 7}
    registers = windowed(14, n // 4, 1 << 14, **values)
    assert abi.stack_pointer(registers) == 0x3FFB0000
    assert abi.return_address(registers) == CALLER
    assert abi.arguments(registers, 2) == [100, 7]
    result = f"ar{(56 + n + 2) % 64}"
    assert abi.returning(registers, 5) == {result: 5, "pc": CALLER}
    # A call in between returns to `entry`: that is its return address.
    called = registers | abi.calling(registers, FUNCTION, (1, 2))
    assert called["pc"] == FUNCTION
    assert abi.arguments(called, 2) == [1, 2]
    assert called[f"ar{(56 + n) % 64}"] == back(n, ENTRY)
    # Afterwards the window may be elsewhere, and PS.CALLINC is that of the function's calls.
    link, other = {f"a{n}": back(n, ENTRY)}, 3 if n != 12 else 1
    after = windowed(3, other, 1 << 3, a1=0x3FFB0000, **{f"a{n + 2}": 0x3FFC0000}, **link)
    assert abi.result(registers, after) == 0x3FFC0000
    assert abi.result(registers, after | {"ar13": 0x3FFB0020}) is None
    restored = after | abi.restoring(registers, after)
    assert restored["ps"] == registers["ps"]
    assert abi.return_address(restored) == CALLER
    assert abi.arguments(restored, 2) == [100, 7]
    assert restored["windowbase"] == 3


def test_windowed_chain() -> None:
    """The chain goes through live windows, then through those that were spilled to the stack."""
    registers = windowed(
        5, 2, 1 << 5 | 1 << 3, a0=back(8, 0x400D0200), a1=0x3FFB0100, a8=back(8, 0x400D0100)
    )
    # Window 3 is live, and holds the caller of the caller.
    registers |= {"ar12": back(8, 0x400D0300), "ar13": 0x3FFB0200}
    stack = {0x3FFB01F0: (back(4, 0x400D0400), 0x3FFB0300), 0x3FFB02F0: (0, 0)}

    def memory(address: int, length: int) -> bytes:
        assert length == 8
        return struct.pack("<2I", *stack[address])

    abi = Windowed()
    places = (0x400D0100, 0x400D0200, 0x400D0300, 0x400D0400)
    assert abi.chain(registers, memory, 9) == places
    assert abi.chain(registers, memory, 2) == places[:2]
    assert abi.chain(registers, unmapped, 9) == places[:3]
    assert abi.chain_at_call(registers, memory, 2) == places[1:3]


def test_windowed_entry() -> None:
    """`entry` rotates the window, unless registers of a caller have to be spilled first."""
    abi = Windowed()
    entry = bytes.fromhex("366100")  # entry a1, 48
    registers = windowed(15, 2, 1 << 15, a1=0x3FFB0100)
    assert abi.executing(registers, entry) == {
        "windowbase": 1,
        "windowstart": 1 << 15 | 1 << 1,
        "ar5": 0x3FFB0100 - 48,
        "pc": ENTRY + 3,
    }
    for live in (0, 1):
        assert abi.executing(registers | {"windowstart": 1 << 15 | 1 << live}, entry) is None


def test_windowed_skip() -> None:
    """The result of a skipped call is where its instruction expects it."""
    abi = Windowed()
    registers = windowed(0, 1, 1)
    skipped = {"pc": ENTRY + 3}
    assert abi.skipping(registers, bytes.fromhex("a5f0ff00"), 0) == {"ar10": 0, **skipped}  # call8
    assert abi.skipping(registers, bytes.fromhex("e00800"), 9) == {"ar10": 9, **skipped}  # callx8
    assert abi.skipping(registers, bytes.fromhex("d00400"), 9) == {"ar6": 9, **skipped}  # callx4
    with pytest.raises(ConfigError, match="0x400d1234 is not a windowed call"):
        abi.skipping(registers, bytes.fromhex("366100"), 0)


@pytest.mark.parametrize("kind", ["call0", "RISC-V"])
def test_flat_call(kind: str) -> None:
    """Without windows, everything of a call is in the callee's registers."""
    flat: Call0 | RiscV
    if kind == "call0":
        link, stack, argument, preserved, flat = "a0", "a1", 2, "a12", Call0(Code())  # type: ignore[arg-type]
        registers = {f"a{n}": 0xDEAD0000 + n for n in range(16)}
    else:
        link, stack, argument, preserved, flat = "ra", "sp", 0, "s1", RiscV(Code())  # type: ignore[arg-type]
        registers = {name: 0xDEAD0000 + n for n, name in enumerate(NAMES)}
    first, second = f"a{argument}", f"a{argument + 1}"
    registers |= {"pc": ENTRY, link: CALLER, stack: 0x3FFB0000, first: 100, second: 7}
    assert flat.name == kind
    assert flat.stack_pointer(registers) == 0x3FFB0000
    assert flat.return_address(registers) == CALLER
    assert flat.arguments(registers, 2) == [100, 7]
    assert flat.returning(registers, 5) == {first: 5, "pc": CALLER}
    assert flat.chain(registers, unmapped, 4) == (CALLER,)
    called = registers | flat.calling(registers, FUNCTION, (1, 2))
    assert (called["pc"], called[link], called[first], called[second]) == (FUNCTION, ENTRY, 1, 2)
    after = called | {"pc": ENTRY, first: 0x3FFC0000, second: 99, preserved: 1}
    assert flat.result(registers, after) == 0x3FFC0000
    assert flat.result(registers, after | {stack: 0}) is None
    assert flat.result(registers, after | {link: CALLER}) is None
    restored = after | flat.restoring(registers, after)
    assert restored == registers | {preserved: 1}


def test_call0_instructions() -> None:
    """What functions begin with needs no step; a call is skipped with its result in a2."""
    abi = Call0(Code())  # type: ignore[arg-type]
    registers = {f"a{n}": n << 8 for n in range(16)} | {"pc": ENTRY}
    assert abi.executing(registers, bytes.fromhex("12c1f002")) == {"a1": 240, "pc": ENTRY + 3}
    assert abi.executing(registers, bytes.fromhex("12d1ff02")) == {"a1": 0, "pc": ENTRY + 3}
    assert abi.executing(registers, bytes.fromhex("3d0221f5")) == {"a3": 512, "pc": ENTRY + 2}
    assert abi.executing(registers, bytes.fromhex("21f5ff00")) is None  # l32r
    assert abi.skipping(registers, bytes.fromhex("454ac600"), 0) == {"a2": 0, "pc": ENTRY + 3}
    assert abi.skipping(registers, bytes.fromhex("c0080000"), 0) == {"a2": 0, "pc": ENTRY + 3}
    with pytest.raises(ConfigError, match="is not a call"):
        abi.skipping(registers, bytes.fromhex("12c1f002"), 0)
    assert abi.call_before(CALLER) == CALLER - 3


def test_riscv_instructions() -> None:
    """Compressed and other instructions differ in length; the objdump of each is beside it."""
    registers = {name: n << 8 for n, name in enumerate(NAMES)} | {"pc": ENTRY}
    abi = RiscV(
        Code(
            x42000000=bytes.fromhex("efe0dfcd"),  # jal ra, ...
            x42000010=bytes.fromhex("01002d28"),  # c.nop, then c.jal
            x42000020=bytes.fromhex("e7800700"),  # jalr ra, 0(a5)
        )  # type: ignore[arg-type]
    )
    assert abi.call_before(0x42000004) == 0x42000000
    assert abi.call_before(0x42000014) == 0x42000012
    assert abi.call_before(0x42000024) == 0x42000020
    for code, changes in {
        "39712ac6": {"sp": 512 - 64, "pc": ENTRY + 2},  # c.addi16sp sp, -64
        "411106c6": {"sp": 512 - 16, "pc": ENTRY + 2},  # c.addi sp, -16
        "2e86aa85": {"a2": 11 << 8, "pc": ENTRY + 2},  # c.mv a2, a1
        "1145aa85": {"a0": 4, "pc": ENTRY + 2},  # c.li a0, 4
        "130101f0": {"sp": 512 - 256, "pc": ENTRY + 4},  # addi sp, sp, -256
    }.items():
        assert abi.executing(registers, bytes.fromhex(code)) == changes
    for code in ("2ac62ec4", "6ff09fed", "b7070040"):  # c.swsp, j, lui
        assert abi.executing(registers, bytes.fromhex(code)) is None
    assert abi.skipping(registers, bytes.fromhex("efe0dfcd"), 0) == {"a0": 0, "pc": ENTRY + 4}
    assert abi.skipping(registers, bytes.fromhex("82970000"), 0) == {"a0": 0, "pc": ENTRY + 2}
    with pytest.raises(ConfigError, match="is not a call"):
        abi.skipping(registers, bytes.fromhex("82800000"), 0)  # ret


def test_code_of_other_files(tiny_firmware: Callable[..., Path], tmp_path: Path) -> None:
    """A file without symbols, and one that is not an ELF, get a sentence each."""
    stripped = tiny_firmware()
    with pytest.raises(ConfigError, match=r"tiny\.elf has no symbols, so functions cannot be"):
        FirmwareCode(stripped)
    other = tmp_path / "other.bin"
    with pytest.raises(ConfigError, match=r"other\.bin cannot be read: No such file"):
        FirmwareCode(other)
    other.write_bytes(b"\xe9\x00")
    with pytest.raises(ConfigError, match=r"other\.bin is not an ELF file: name the linker's ELF"):
        FirmwareCode(other)


def test_code_of_the_firmware(firmware: Path) -> None:
    """Functions, code and places come from the firmware's own ELF."""
    code = FirmwareCode(firmware.with_suffix(".elf"))
    function = code.functions["net_malloc"]
    assert code.function_at(function.address + 2) == function
    assert len(code.at(function.address, 4)) == 4
    assert code.at(0, 4) == b""
    assert code.frames(function.address + 4)[-1].function == "net_malloc"
    assert abi_of(code).name in ("call0", "windowed", "RISC-V")
