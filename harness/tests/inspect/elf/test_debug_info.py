# SPDX-License-Identifier: MIT
"""`DebugInfo` and `SymbolTable`, with files that the cross compiler writes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from espbench.boards.builtin import LX60
from espbench.errors import DeviceError, NotInspectable
from espbench.inspect.elf.firmware import FirmwareElf, firmware_elf

SOURCE = """\
typedef unsigned int uint;
typedef struct item { struct item *next; void *owner; } item_t;
struct declared;
struct outer {
    char name[16];
    item_t first;
    item_t rows[2][3];
    struct declared *hidden;
    uint low : 5;
    uint middle : 6;
    uint high : 8;
    union { short half; int whole; };
    volatile unsigned short port;
};
typedef struct { int only; } unnamed_t;
enum color { RED, GREEN = 7 };
struct outer variable;
unnamed_t other;
enum color paint;
static int twin;
int function(void) { return twin + variable.port + other.only + paint; }
"""


@pytest.fixture(scope="module", params=[4, 5], ids=["dwarf4", "dwarf5"])
def compiled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a linked ELF file with this version of DWARF."""
    folder = tmp_path_factory.mktemp("elf")
    source = folder / "sub" / "thing.c"
    source.parent.mkdir()
    source.write_text(SOURCE)
    output = folder / "thing.elf"
    tool = f"{LX60.toolchain}gcc"
    flags = ["-nostdlib", "-Wl,-e,function", "-Wl,-Ttext=0x60000000", "-o", str(output)]
    subprocess.run([tool, f"-gdwarf-{request.param}", "-Og", str(source), *flags], check=True)
    return output


def test_layout(compiled: Path) -> None:
    """Offsets, sizes, arrays, nested structures, bit fields and anonymous unions are known."""
    outer = FirmwareElf(compiled).structure("sub/thing.c", "outer")
    assert outer.size == 88
    assert (outer.offset("first.owner"), outer.member("rows").count) == (20, 6)
    assert outer.offset("half") == outer.offset("whole") == 80
    assert not outer.has("hidden.member")
    assert not outer.has("absent")
    data = bytearray(outer.size)
    data[:5] = b"hello"
    data[20:24] = (0x3FFB0000).to_bytes(4, "little")
    data[76:80] = (21 | 44 << 5 | 200 << 11).to_bytes(4, "little")
    data[84:86] = (443).to_bytes(2, "little")
    raw = bytes(data)
    assert outer.text(raw, "name") == "hello"
    assert outer.integer(raw, "first.owner") == 0x3FFB0000
    assert [outer.integer(raw, name) for name in ("low", "middle", "high")] == [21, 44, 200]
    assert outer.integer(raw, "port") == 443


def test_by_typedef_and_source(compiled: Path) -> None:
    """A structure without a tag is found by its typedef; only the named source file is read."""
    elf = FirmwareElf(compiled)
    assert elf.structure("thing.c", "unnamed_t").size == 4
    assert elf.debug_info.enumerators("thing.c", "color") == {0: "RED", 7: "GREEN"}
    assert elf.debug_info.structure("other.c", "outer") is None
    assert elf.debug_info.structure("hing.c", "outer") is None
    with pytest.raises(NotInspectable, match=r"does not describe declared \(thing.c\)"):
        elf.structure("thing.c", "declared")


def test_symbols(compiled: Path) -> None:
    """Variables and functions have addresses and sizes; an ELF file is read once."""
    elf = firmware_elf(compiled)
    assert elf.symbols["variable"].size == 88
    assert 0x60000000 <= (elf.address("function") or 0) < 0x60000020  # literals come first
    assert elf.address("absent") is None
    assert elf.machine == "EM_XTENSA"
    assert firmware_elf(compiled) is elf
    compiled.touch()
    assert firmware_elf(compiled) is not elf


@pytest.mark.parametrize(
    ("option", "lacks"), [("--strip-all", "symbols"), ("--strip-debug", "debugging information")]
)
def test_stripped(compiled: Path, tmp_path: Path, option: str, lacks: str) -> None:
    """The message says what has been stripped, and which file has it."""
    stripped = tmp_path / "stripped.elf"
    tool = f"{LX60.toolchain}strip"
    subprocess.run([tool, option, "-o", str(stripped), str(compiled)], check=True)
    with pytest.raises(NotInspectable) as error:
        FirmwareElf(stripped).structure("thing.c", "outer")
    assert str(error.value) == (
        f"stripped.elf has been stripped of its {lacks}: name the ELF file that the build wrote, "
        "with --firmware-elf (pytest: --espbench-firmware-elf, Device: elf)."
    )


@pytest.mark.parametrize("content", [b"\xe9" * 64, None], ids=["image", "missing"])
def test_no_elf(tmp_path: Path, content: bytes | None) -> None:
    """A flash image, or no file at all, has no symbols."""
    path = tmp_path / "firmware.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NotInspectable, match=r"^firmware\.bin has no symbols: .* its \.elf file"):
        firmware_elf(path)
    assert issubclass(NotInspectable, DeviceError)
