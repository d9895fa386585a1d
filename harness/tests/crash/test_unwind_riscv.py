# SPDX-License-Identifier: MIT
"""A RISC-V stack, as dumped by ESP-IDF, is unwound with the ELF's frame information."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

import pytest
from espbench.crash.dump import parse_dump
from espbench.crash.unwind import decode

# Output of binutils for riscv32 for three functions with .cfi directives, linked to 0x42000000:
#   inner:   sw   zero, 0(zero)
#            ret
#   middle:  addi sp, sp, -32
#            sw   ra, 28(sp)
#            sw   s0, 24(sp)
#            jal  inner
#            ...
#   outer:   addi sp, sp, -16
#            sw   ra, 12(sp)
#            jal  middle
#            ...
ELF = (
    "c-"
    "oCq!EV|>5PfSPp@&w`_JER9q5`#%8d(H5CQ>0LZKNuP(B3MoOmT@N43@nh5~T_xmwZG&py!@@$(Q64Le+EQ&f+x@"
    "E|oggc=o+FGg|Mg&l~Ud8Doe{!!IaQuhMI(g`kQ&X`5KZ3KD>uyDuR&v?MuGE^QnHHR&=}dWyIV7Ojv6I%D7oV|N"
    "8Ti^A3fx6_-u%ltJXPE%S?c#)O-Z{j6pl8<^NPLIIO7+Zg+&A1%-w;%}8N|$(x{3~%Ak}w|SjR`ZZ=-"
    "ZwWe5<rvsAWh)?Io=}+y68Kdq&HYH>{NHvb)WlvRmS(jx*?PyCuXeI=cm=a6;joIo1|x6ZEXfy{AJxgP(!iH+@H4"
    "?)x#-SEP<e*RZGhr<HyX(?7(pNwG*cr}8^7eHg=EVi?8IKTd-"
    "4PPgAOyWH*DJz;r8ICi_;wMb|hwf8k%Z@f7;<Q#UdXL-cdn@!$0G>GB6<@?+hrYF!Jh?%-"
    "j!mYL`ObWd=p!+9|Fk2Lb7slggC9IKvZXNT_p6OW7X9LttAw0W9eSQ45t*hy+sPi3%bDLXI#pfzdQ*-"
    "@6@#B)bSF`!Tjd=M#Z2o<3=Di|&O~e%8zmrn^<Q;zy_M2OYiY}J)%f|A)Q{L{9yg%cQi{S"
)
INNER, IN_MIDDLE, IN_OUTER, CALLER = 0x42000000, 0x42000018, 0x42000030, 0x42007D7A

DUMP = f"""\
Guru Meditation Error: Core  0 panic'ed (Store access fault). Exception was unhandled.

Core  0 register dump:
MEPC    : 0x{INNER:08x}  RA      : 0x{IN_MIDDLE:08x}  SP      : 0x3fc91a70  GP      : 0x3fc8b400
S0/FP   : 0x3fc91a90  S1      : 0x00000000  A0      : 0x00000001  A1      : 0x3c023000

Stack memory:
3fc91a70: 0x00000000 0x00000000 0x00000000 0x00000000 0x00000000 0x00000000 0x3fc91ab0 \
0x{IN_OUTER:08x}
3fc91a90: 0x00000000 0x00000000 0x00000000 0x{CALLER:08x} 0x00000000 0x00000000 0x00000000 \
0x00000000
Rebooting..."""


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    """Return the ELF."""
    path = tmp_path / "riscv.elf"
    path.write_bytes(zlib.decompress(base64.b85decode(ELF)))
    return path


def test_unwound(elf: Path) -> None:
    """Every frame is exact, up to the first one that is not in the ELF."""
    frames = decode(parse_dump(DUMP), elf)
    assert [(frame.function, frame.address, frame.guessed) for frame in frames] == [
        ("inner", INNER, False),
        ("middle", IN_MIDDLE, False),
        ("outer", IN_OUTER, False),
        ("??", CALLER, False),
    ]


def test_without_the_stack(elf: Path) -> None:
    """Without stack memory, only the frames that the registers give are found."""
    frames = decode(parse_dump(DUMP.partition("Stack memory")[0]), elf)
    assert [(frame.function, frame.address) for frame in frames] == [
        ("inner", INNER),
        ("middle", IN_MIDDLE),
    ]


def test_without_an_elf() -> None:
    """Without an ELF, the backtrace has the program counter, and the return address as a guess."""
    frames = decode(parse_dump(DUMP), None)
    assert [(frame.address, frame.guessed) for frame in frames] == [
        (INNER, False),
        (IN_MIDDLE, True),
    ]
