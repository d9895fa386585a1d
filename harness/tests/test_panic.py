"""Panic dumps are found in the console's text and read."""

from __future__ import annotations

from pathlib import Path

import pytest
from espbench.panic import Collector, Frame, Panic, parse_dump

DUMP = """\
Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.

Core  0 register dump:
PC      : 0x6000abcd  PS      : 0x00000030  A0      : 0x60001000  A1      : 0x60fffe00
A14     : 0x00000000  A15     : 0xffffffff  SAR     : 0x0000001f  EXCCAUSE: 0x0000001c
EXCVADDR: 0x00000004

Backtrace: 0x6000abcd:0x60fffe00 0x60001000:0x60fffe10

Stack memory:
60fffe00: 0x00000001 0x00000002
60fffe08: 0xdeadbeef

ELF file SHA256: 0123456789abcdef

Rebooting..."""


def test_parsed() -> None:
    """Every part of a dump is read."""
    dump = parse_dump(DUMP)
    assert dump.cause == "LoadProhibited"
    assert dump.headline == DUMP.splitlines()[0]
    assert dump.registers == {
        "PC": 0x6000ABCD,
        "PS": 0x30,
        "A0": 0x60001000,
        "A1": 0x60FFFE00,
        "A14": 0,
        "A15": 0xFFFFFFFF,
        "SAR": 0x1F,
        "EXCCAUSE": 0x1C,
        "EXCVADDR": 4,
    }
    assert dump.backtrace == ((0x6000ABCD, 0x60FFFE00), (0x60001000, 0x60FFFE10))
    assert [dump.word(0x60FFFE00 + 4 * n) for n in range(4)] == [1, 2, 0xDEADBEEF, None]


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("assert failed: f a.c:1 (x)\nabort() was called at PC 0x60000000 on core 0", "assert"),
        ("abort() was called at PC 0x60000000 on core 0", "abort"),
        ("Guru Meditation Error: Core  0 panic'ed (Cache error).", "Cache error"),
        ("", "unknown"),
    ],
)
def test_causes(text: str, cause: str) -> None:
    """The cause is named, and a cut off dump is read as far as it goes."""
    assert parse_dump(text).cause == cause


def test_found_at_every_split() -> None:
    """A dump among other text is found wherever the text was split."""
    text = f"before\n>>> {DUMP}\nafter\n"
    for cut in range(len(text)):
        collector = Collector()
        found = collector.feed(text[:cut]) + collector.feed(text[cut:])
        assert len(found) == 1
        assert parse_dump(found[0]).registers["PC"] == 0x6000ABCD
        assert not collector.collecting


def test_assert_and_abort_are_one() -> None:
    """An assertion and the abort that it leads to are one panic."""
    collector = Collector()
    text = "assert failed: f a.c:1 (x)\n\nabort() was called at PC 0x1 on core 0\nRebooting...\n"
    assert len(collector.feed(text)) == 1


def test_cut_off() -> None:
    """A dump that never ends is there on request, once."""
    collector = Collector()
    assert collector.feed(DUMP.split("\nBacktrace", maxsplit=1)[0]) == []
    assert collector.collecting
    text = collector.finish()
    assert text is not None
    assert parse_dump(text).registers["A1"] == 0x60FFFE00
    assert collector.finish() is None


def test_report_without_symbols() -> None:
    """Without an ELF, or with a damaged one, the guest's addresses are shown."""
    expected = (
        "Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\n"
        "  #0 0x6000abcd ??\n"
        "  #1 0x60001000 ?? (guessed)"
    )
    assert str(Panic(parse_dump(DUMP))) == expected
    assert str(Panic(parse_dump(DUMP), Path(__file__))) == expected
    assert Panic(parse_dump(DUMP)).report() == f"{expected}\n\n{DUMP}\n"


def test_frame() -> None:
    """A frame is one line."""
    frame = Frame(0x60001000, "f", "a/b.c", 12, inlined=True)
    assert str(frame) == "0x60001000 f at a/b.c:12 (inlined)"
