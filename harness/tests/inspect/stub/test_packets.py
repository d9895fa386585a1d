# SPDX-License-Identifier: MIT
"""Packets of the Remote Serial Protocol are encoded and decoded as GDB's manual says."""

from __future__ import annotations

import pytest
from espbench.inspect.stub.errors import StubError
from espbench.inspect.stub.packets import PacketReader, StopReply, decode, encode, parse_stop
from espbench.inspect.stub.registers import described_layout, includes, xtensa_layout

TARGET = (
    '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>'
    '<architecture>riscv:rv32</architecture><xi:include href="riscv-32bit-cpu.xml"/>'
    '<xi:include href="riscv-32bit-fpu.xml"/></target>'
)
CPU = (
    '<?xml version="1.0"?><feature name="cpu"><reg name="zero" bitsize="32"/>'
    '<reg name="ra" bitsize="32"/><reg name="pc" bitsize="32"/>'
    '<reg name="ft0" bitsize="64"/><reg name="csr" bitsize="32" regnum="66"/></feature>'
)


@pytest.mark.parametrize(
    ("payload", "packet"),
    [
        (b"g", b"$g#67"),
        (b"", b"$#00"),
        (b"a}b", b"$a}]b#9d"),
        (b"$#*", b"$}\x04}\x03}\x0a#88"),
    ],
)
def test_encode(payload: bytes, packet: bytes) -> None:
    """A packet has its checksum; the reader gets the payload back."""
    assert encode(payload) == packet
    assert PacketReader().feed(packet) == [payload]


def test_decode_a_run() -> None:
    """A run repeats the character before it: 29 more than the count's code."""
    assert decode(b"0* ") == b"0000"
    assert decode(b'x0*"1') == b"x0000001"


def test_reader_takes_pieces() -> None:
    """Packets arrive in pieces, between acknowledgements; a wrong checksum drops one."""
    reader = PacketReader()
    assert reader.feed(b"+$O") == []
    assert reader.feed(b"K#9") == []
    assert reader.feed(b"a+$OK#00$E22#a9") == [b"OK", b"E22"]


def test_stop_replies() -> None:
    """A stop reply names signal and thread; answers to other commands are none."""
    assert parse_stop(b"T05thread:02;") == StopReply(5, "02")
    assert parse_stop(b"T05thread:p01.02;watch:1000;") == StopReply(5, "p01.02")
    assert parse_stop(b"S02") == StopReply(2)
    assert parse_stop(b"W00") == StopReply(0, ended=True)
    for payload in (b"OK", b"", b"428a0840", b"E22", b"PacketSize=1000"):
        assert parse_stop(payload) is None


def test_described_registers() -> None:
    """A target description gives the numbers; QEMU's does not declare its prefix of XInclude."""
    assert includes(TARGET) == ["riscv-32bit-cpu.xml", "riscv-32bit-fpu.xml"]
    layout = described_layout([TARGET, CPU])
    assert layout.numbers == {"zero": 0, "ra": 1, "pc": 2}
    data = b"00000000" + b"78563412" + b"xxxxxxxx" + b"ffffffffffffffff"
    registers = layout.unpack(data)
    assert registers == {"zero": 0, "ra": 0x12345678, "pc": 0}
    assert layout.pack({**registers, "pc": 1}) == b"000000007856341201000000"
    with pytest.raises(StubError, match="sent 1 registers, but this CPU should have 3"):
        layout.unpack(b"00000000")
    with pytest.raises(StubError, match="describes no 32-bit registers"):
        described_layout([TARGET])


def test_xtensa_registers() -> None:
    """QEMU's stub does not describe Xtensa's cores: the numbers are QEMU's own."""
    assert xtensa_layout("lx106").numbers["pc"] == 16
    esp32 = xtensa_layout("esp32").numbers
    assert (esp32["pc"], esp32["ar63"], esp32["windowbase"], esp32["ps"]) == (0, 64, 69, 73)
    with pytest.raises(
        StubError, match="Unknown Xtensa core de212: supported cores are esp32, esp32s3, lx106"
    ):
        xtensa_layout("de212")
