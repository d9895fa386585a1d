# SPDX-License-Identifier: MIT
"""Panic dumps are found in console text and parsed."""

from __future__ import annotations

from pathlib import Path

import pytest
from espbench.crash.dump import Collector, parse_dump
from espbench.crash.panic import Panic
from espbench.crash.types import Dump, Frame
from espbench.reporting.evidence import panic_reports

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
    """Every part of a dump is parsed."""
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
        (
            "Guru Meditation Error: Core  0 panic'ed (Interrupt wdt timeout on CPU0). ",
            "Interrupt wdt timeout on CPU0",
        ),
        ("***ERROR*** A stack overflow in task main has been detected.", "stack overflow"),
        ("Stack smashing protect failure!", "stack smashing"),
        (
            "E (9) task_wdt: Aborting.\nabort() was called at PC 0x400d1 on core 0",
            "task watchdog",
        ),
        ("", "unknown"),
    ],
)
def test_causes(text: str, cause: str) -> None:
    """The cause is found, even in a truncated dump."""
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
    """A dump that never ends is returned once by `finish`."""
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


def test_a_boot_loop_is_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeated panic gives one report, which says how often it was printed."""
    decoded: list[Dump] = []

    def decode(dump: Dump, _elf: Path | None) -> tuple[Frame, ...]:
        decoded.append(dump)
        return ()

    monkeypatch.setattr("espbench.crash.unwind.decode", decode)
    other = DUMP.replace("LoadProhibited", "StoreProhibited")
    report = panic_reports([Panic(parse_dump(text)) for text in (DUMP, other, DUMP, DUMP)])
    assert len(decoded) == 2
    assert report.index("LoadProhibited") < report.index("StoreProhibited")
    assert report.count("(printed 3 times)\n") == 1
    assert report.count("Guru Meditation Error") == 4  # decoded and as printed, two each


def test_frame() -> None:
    """A frame is printed as one line."""
    frame = Frame(0x60001000, "f", "a/b.c", 12, inlined=True)
    assert str(frame) == "0x60001000 f at a/b.c:12 (inlined)"


# ESP-IDF's format (components/esp_system/panic.c, port/arch/xtensa and riscv).
XTENSA = """\
Guru Meditation Error: Core  1 panic'ed (LoadProhibited). Exception was unhandled.

Core  1 register dump:
PC      : 0x400e1b52  PS      : 0x00060830  A0      : 0x800e1c0c  A1      : 0x3ffc7ba0  \n\
A14     : 0x00000003  A15     : 0x00000000  SAR     : 0x00000018  EXCCAUSE: 0x0000001c  \n\
EXCVADDR: 0x00000000  LBEG    : 0x4000c2e0  LEND    : 0x4000c2f6  LCOUNT  : 0xffffffff  \n\


Backtrace: 0x400e1b4f:0x3ffc7ba0 0x400e1c09:0x3ffc7bc0 |<-CORRUPTED


Core  0 register dump:
PC      : 0x4008432a  PS      : 0x00060034  A0      : 0x800d27d5  A1      : 0x3ffb9db0  \n\

Backtrace: 0x40084327:0x3ffb9db0 0x400d27d2:0x3ffb9dd0


ELF file SHA256: 9fc1a7f4a

================= CORE DUMP START =================
UDkAAAsAAgAHAQAAyAMAACgFAAA=
AAAAAA==
================= CORE DUMP END =================
Rebooting..."""

RISCV = """\
Guru Meditation Error: Core  0 panic'ed (Load access fault). Exception was unhandled.

Core  0 register dump:
MEPC    : 0x42007d4e  RA      : 0x42007d46  SP      : 0x3fc91a70  GP      : 0x3fc8b400  \n\
TP      : 0x3fc8a6ac  T0      : 0x4005890e  T1      : 0x20000000  T2      : 0x00000000  \n\
S0/FP   : 0x3fc91a90  S1      : 0x00000000  A0      : 0x00000001  A1      : 0x3c023000  \n\

Stack memory:
3fc91a70: 0x00000000 0x00000000 0x00000000 0x42007d7a 0x00000001 0x00000000 0x3c0230a4 0x3fc91ab0


ELF file SHA256: 1a2b3c4d5

Rebooting..."""

# Printed in Espressif's QEMU by a build of our firmware with ESP-IDF v5.4.1 that crashed before
# MicroPython started; the rest of the backtrace is omitted.
RECORDED = """\
Guru Meditation Error: Core  0 panic'ed (LoadStorePIFAddrError). Exception was unhandled.

Core  0 register dump:
PC      : 0x40001eb0  PS      : 0x00060130  A0      : 0x801703cc  A1      : 0x3ffe3b60  \n\
A2      : 0x3ffb0a10  A3      : 0x65747079  A4      : 0x00000001  A5      : 0x3ffb0ae8  \n\
A6      : 0x00000000  A7      : 0x00000000  A8      : 0x72636e64  A9      : 0x3ffe3b40  \n\
A10     : 0x3ffb0a10  A11     : 0x0000002b  A12     : 0xffffffe3  A13     : 0x00000010  \n\
A14     : 0xfffffffc  A15     : 0x00000002  SAR     : 0x0000001e  EXCCAUSE: 0x0000000f  \n\
EXCVADDR: 0x65747085  LBEG    : 0x400013f9  LEND    : 0x4000140d  LCOUNT  : 0xfffffffc  \n\


Backtrace: 0x40001ead:0x3ffe3b60 0x401703c9:0x3ffe3b80 0x401704ad:0x3ffe3bb0




ELF file SHA256: d92d9d8c5

Rebooting..."""


def test_recorded_dump_of_an_esp32() -> None:
    """A real dump of ESP-IDF is parsed; without its backtrace, the PC remains."""
    dump = parse_dump(RECORDED)
    assert (dump.cause, dump.exact, len(dump.registers)) == ("LoadStorePIFAddrError", True, 24)
    assert [pc for pc, _ in dump.backtrace] == [0x40001EAD, 0x401703C9, 0x401704AD]
    headline = RECORDED.splitlines()[0]
    lost = "\n".join(line for line in RECORDED.splitlines() if not line.startswith("Backtrace"))
    assert str(Panic(parse_dump(lost))) == f"{headline}\n  #0 0x40001eb0 ??"


def test_dump_of_an_esp32() -> None:
    """ESP-IDF on Xtensa prints an exact backtrace, and a core dump if configured."""
    dump = parse_dump(XTENSA)
    assert (dump.cause, dump.registers["PC"]) == ("LoadProhibited", 0x400E1B52)
    assert dump.backtrace == ((0x400E1B4F, 0x3FFC7BA0), (0x400E1C09, 0x3FFC7BC0))
    assert (dump.corrupted, dump.exact) == (True, True)
    assert dump.core == "UDkAAAsAAgAHAQAAyAMAACgFAAA=\nAAAAAA=="
    assert str(Panic(dump)) == (
        "Guru Meditation Error: Core  1 panic'ed (LoadProhibited). Exception was unhandled.\n"
        "  #0 0x400e1b4f ??\n"
        "  #1 0x400e1c09 ??\n"
        "  (the guest found its stack corrupted behind the last frame)"
    )


def test_core_dump_that_was_cut_off() -> None:
    """An incomplete core dump is ignored."""
    assert parse_dump(XTENSA.partition("AAAAAA==")[0]).core == ""


def test_report_has_no_core_dump() -> None:
    """The report shows where the core dump was printed, but not its lines."""
    report = Panic(parse_dump(XTENSA)).report()
    assert report.endswith(
        "\n================= CORE DUMP START =================\n"
        "================= CORE DUMP END =================\n"
        "Rebooting...\n"
    )
    assert "AAAAAA==" not in report


def test_dump_of_an_esp32c3() -> None:
    """ESP-IDF on RISC-V prints stack memory; without an ELF there are two addresses."""
    dump = parse_dump(RISCV)
    assert (dump.cause, dump.registers["FP"]) == ("Load access fault", 0x3FC91A90)
    assert (dump.exact, dump.word(0x3FC91A7C)) == (False, 0x42007D7A)
    assert str(Panic(dump)) == (
        "Guru Meditation Error: Core  0 panic'ed (Load access fault). Exception was unhandled.\n"
        "  #0 0x42007d4e ??\n"
        "  #1 0x42007d46 ?? (guessed)"
    )


def test_task_watchdog() -> None:
    """The task watchdog's message belongs to the abort that follows; alone it is not a panic."""
    says = (
        "E (10303) task_wdt: Task watchdog got triggered. The following tasks did not reset it:\n"
        "E (10303) task_wdt:  - IDLE0 (CPU 0)\n"
    )
    collector = Collector()
    assert collector.feed(f"{says}and goes on\n") == []
    assert not collector.collecting
    aborts = "abort() was called at PC 0x400d27d5 on core 0\nRebooting...\n"
    [text] = collector.feed(f"{says}E (10303) task_wdt: Aborting.\n\n{aborts}")
    assert text.startswith("E (10303) task_wdt: Task watchdog got triggered.")
    assert "goes on" not in text
    dump = parse_dump(text)
    assert dump.cause == "task watchdog"
    assert dump.headline == (
        "Task watchdog got triggered. The following tasks did not reset it: IDLE0 (CPU 0)"
    )
