# SPDX-License-Identifier: MIT
"""The stack of a real guest is unwound to function, file and line."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from espbench.boards.readiness import ConsoleReadiness
from espbench.crash.panic import Panic
from espbench.crash.types import Frame
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

COMPILER = "xtensa-lx106-elf-gcc"
pytestmark = pytest.mark.skipif(
    shutil.which(COMPILER) is None, reason=f"{COMPILER} is not installed"
)

START = """
    .text
    .literal_position
    .global _start
_start:
    movi a1, 0x60fff000
    movi a0, 0
    call0 main
"""
SOURCE = """\
#define UART (*(volatile unsigned *)0x9d050020)
#define LINE_STATUS (*(volatile unsigned *)0x9d050034)
static unsigned saved[2];
extern char here;
static void put(char c) {
    while (!(LINE_STATUS & 0x20)) {
    }
    UART = c;
}
static void text(const char *s) { while (*s) put(*s++); }
static void hex(unsigned v) {
    for (int i = 28; i >= 0; i -= 4) put("0123456789abcdef"[v >> i & 15]);
}
static __attribute__((noinline)) void dump(void) {
    text("Guru Meditation Error: Core  0 panic'ed (Test). Exception was unhandled.\\n");
    text("PC      : 0x"); hex((unsigned)&here);
    text("  A0      : 0x"); hex(saved[0]);
    text("  A1      : 0x"); hex(saved[1]);
    text("\\n\\nBacktrace: 0x"); hex((unsigned)&here); text(":0x60ffff00");
    text("\\n\\nStack memory:\\n");
    for (unsigned at = saved[1]; at < 0x60fff000; at += 4) {
        hex(at); text(": 0x"); hex(*(unsigned *)at); text("\\n");
    }
    text("Rebooting...\\n");
}
static inline __attribute__((always_inline)) void innermost(void) {
    /* crashes */ __asm__ volatile(".global here\\nhere: s32i a0, %0, 0\\ns32i a1, %0, 4"
                     : : "r"(saved) : "memory");
}
__attribute__((noinline)) int middle(int n) {
    volatile int locals[20]; locals[0] = n;
    innermost(); /* called in middle */
    dump();
    return locals[n & 7] + n;
}
__attribute__((noinline)) int outer(int n) {
    volatile int locals[5]; locals[0] = n;
    return middle(n + 1) + locals[0]; /* called in outer */
}
int main(void) {
    outer(3); /* called in main */
    for (;;) __asm__ volatile("waiti 0");
}
"""


def line(marker: str) -> int:
    """Return the number of the line with this comment."""
    [number] = [n for n, text in enumerate(SOURCE.splitlines(), 1) if f"/* {marker} */" in text]
    return number


@pytest.fixture
def crashing(tmp_path: Path) -> Path:
    """Return a firmware that dumps its stack three calls deep."""
    (tmp_path / "start.S").write_text(START)
    (tmp_path / "crash.c").write_text(SOURCE)
    command = [
        COMPILER,
        "-g",
        "-O2",
        "-nostdlib",
        "-mtext-section-literals",
        "-Wl,-Ttext=0x60000000",
    ]
    command += ["-ffreestanding", "-fno-tree-loop-distribute-patterns"]
    command += ["start.S", "crash.c", "-o", "crash.elf"]
    subprocess.run(command, cwd=tmp_path, check=True, stdin=subprocess.DEVNULL)
    return tmp_path / "crash.elf"


def panic_of(firmware: Path, elf: Path) -> Panic:
    """Boot the firmware and return its panic, to be decoded with an ELF."""
    ready = ConsoleReadiness("^Rebooting")
    device = Device("lx60", firmware, ready=ready, elf=elf)
    try:
        device.start()
        assert device.wait_for_text(r"^Rebooting\.\.\.\n", Deadline(5))
        panicked = device.panicked()
    finally:
        device.close()
    assert panicked is not None
    assert isinstance(panicked.panic, Panic)
    return panicked.panic


def backtrace(firmware: Path, elf: Path) -> tuple[Frame, ...]:
    """Boot the firmware and decode its panic with an ELF."""
    return panic_of(firmware, elf).backtrace


def test_exact(crashing: Path) -> None:
    """Each frame has its function, file and line, including frames of inlined functions."""
    frames = backtrace(crashing, crashing)
    assert [(f.function, Path(f.file).name, f.line, f.inlined) for f in frames[:4]] == [
        ("innermost", "crash.c", line("crashes"), True),
        ("middle", "crash.c", line("called in middle"), False),
        ("outer", "crash.c", line("called in outer"), False),
        ("main", "crash.c", line("called in main"), False),
    ]


def test_stripped(crashing: Path, tmp_path: Path) -> None:
    """Without debugging information, the guest's own backtrace is shown with function names."""
    stripped = tmp_path / "stripped.elf"
    strip = shutil.which("xtensa-lx106-elf-strip")
    assert strip is not None
    subprocess.run([strip, "--strip-debug", str(crashing), "-o", str(stripped)], check=True)
    frames = backtrace(crashing, stripped)
    assert [(frame.function, frame.line) for frame in frames] == [("middle", 0)]


def test_damaged_debugging_information(crashing: Path, tmp_path: Path) -> None:
    """Whatever is in the sections of DWARF, the backtrace has the functions that are known."""
    panic = panic_of(crashing, crashing)
    content = crashing.read_bytes()
    with crashing.open("rb") as file:
        sections = [
            (str(each.name), int(each["sh_offset"]), int(each["sh_size"]))
            for each in ELFFile(file).iter_sections()
            if each.name.startswith(".debug_") and each["sh_size"]
        ]
    assert {".debug_info", ".debug_abbrev", ".debug_frame"} <= {name for name, _, _ in sections}
    damaged = tmp_path / "damaged.elf"
    for name, at, size in sections:
        # An endless LEB128, a length beyond the section, no entries, and text.
        for filler in (b"\x80", b"\xff", b"\0", b"odd!", b"\x05\0\0\0"):
            rest = (filler * size)[: size - 8]
            for start in (at, at + 8):  # with the first entry's header, or behind it
                damaged.write_bytes(content[:start] + rest + content[start + len(rest) :])
                frames = replace(panic, elf=damaged).backtrace
                names = {frame.function for frame in frames}
                assert names, (name, filler, start - at)
                if name not in (".debug_str", ".debug_line_str"):  # which have the names
                    assert "middle" in names, (name, filler, start - at)
