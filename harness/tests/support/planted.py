# SPDX-License-Identifier: MIT
"""A small web server for `lx60` that is not ours, with one fault at a time planted in it.

`firmware(name)` returns its ELF file. It is compiled once from the C files in `planted/` and the
objects of the port (start-up, NIC, lwIP, Mbed TLS); a variant differs in one number in its data.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from espbench.boards.builtin import LX60
from espbench.certs import keys, pki
from espbench.errors import ToolMissing
from espbench.firmware import build, source_tree
from espbench.firmware.make_backend import SOURCE_VARIABLES, WERROR_VARIABLE
from espbench.firmware.sources import folders
from espbench.inspect import inspection
from espbench.inspect.elf.firmware import FirmwareElf

SOURCES = Path(__file__).with_name("planted")
READY = "^server up"
"""The console's line when it serves."""

BANNER = "web server 1.0"
"""The console's first line."""

GOOD = "none"
"""The variant without a fault."""

KEPT = 24 * 3600
"""Seconds for which the files of earlier builds are kept."""

SYMBOL = "planted_fault"
FLAGS = [
    *("-mlongcalls", "-mtext-section-literals", "-Os", "-g", "-std=gnu99", "-Wall", "-Wextra"),
    *("-ffunction-sections", "-fdata-sections", "-fno-strict-aliasing", "-fno-common"),
]
LINK = [
    *("-nostdlib", "-nostartfiles", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments"),
    # by these, an observer recognises the heap
    *("-Wl,-u,net_heap_take", "-Wl,-u,net_heap_give"),
]
C_LIBRARY = "/usr/lib/xtensa-lx106-elf"
OBJECTS = (
    "start.o",
    "chip/*.o",
    "net/*.o",
    "library/**/*.o",
    "libgcc/*.o",
    "bench/decimal.o",
    "extmod/modhashlib.o",
    "ports/common/cmdline.o",
    "ports/common/net_interface.o",
    "ports/common/short_pbuf.o",
    "webserver/tls/allocator.o",
    "webserver/tls/records.o",
)
"""What it takes over from the build of the port."""


def root() -> pki.Issued:
    """Return the authority that clients of every variant trust."""
    return pki.authority("p256")


@functools.cache
def firmware(name: str = GOOD) -> Path:
    """Return the ELF file with this fault, building it if needed; skip without a compiler."""
    number = fault_numbers()[name]
    base = _base()
    target = base.with_name(f"{base.stem}-{name}.elf")
    if not target.exists():
        whole = bytearray(base.read_bytes())
        at = _offset_of(base, SYMBOL)
        whole[at : at + 4] = number.to_bytes(4, "little")
        part = target.with_suffix(f".{hashlib.sha256(whole).hexdigest()[:8]}.part")
        part.write_bytes(whole)
        part.replace(target)
    return target


@functools.cache
def fault_numbers() -> dict[str, int]:
    """Return the number of each fault by its name in lower case."""
    names = re.findall(r"^    FAULT_(\w+),", (SOURCES / "faults.h").read_text(), re.MULTILINE)
    return {name.lower(): number for number, name in enumerate(names)}


def _base() -> Path:
    """Return the ELF file without a fault; its name changes with everything that it is made of."""
    if shutil.which(f"{LX60.toolchain}gcc") is None:
        pytest.skip(f"{LX60.toolchain}gcc is not installed")
    try:
        port = build.firmware(LX60)
    except ToolMissing as error:
        pytest.skip(str(error))
    tree = source_tree.root()
    out = source_tree.builds(tree) / "planted"
    out.mkdir(parents=True, exist_ok=True)
    identity = _identity_header()
    digest = hashlib.sha256(identity.encode() + port.read_bytes() + Path(__file__).read_bytes())
    for path in sorted(SOURCES.iterdir()):
        digest.update(path.read_bytes())
    target = out / f"{digest.hexdigest()[:16]}.elf"
    with build.locked(out):
        if not target.exists():
            for old in out.glob("*.elf"):
                if time.time() - old.stat().st_mtime > KEPT:  # another session may still use it
                    old.unlink()
            (out / "identity.h").write_text(identity)
            _compile(port.parent, tree, out, target)
    return target


def _compile(port: Path, tree: Path, out: Path, target: Path) -> None:
    where = folders()
    headers = [
        SOURCES,
        out,
        tree / "firmware/modules",
        tree / "firmware/ports/lx60",
        tree / "firmware/ports/lx60/chip",
        tree / "firmware/ports/lx60/net",
        tree / "firmware/ports/common",
    ]
    libraries = [
        where[SOURCE_VARIABLES["LWIP"]] / "src/include",
        where[SOURCE_VARIABLES["MBEDTLS"]] / "include",
        Path(C_LIBRARY, "include"),
    ]
    part = target.with_suffix(".part")
    command = [
        f"{LX60.toolchain}gcc",
        *FLAGS,
        *(["-Werror"] if os.environ.get(WERROR_VARIABLE) == "1" else []),
        '-DMBEDTLS_CONFIG_FILE="tls_config.h"',
        *(f"-I{folder}" for folder in headers),
        *(word for folder in libraries for word in ("-isystem", str(folder))),
        *map(str, sorted(SOURCES.glob("*.c"))),
        *(str(path) for pattern in OBJECTS for path in sorted(port.glob(pattern))),
        *LINK,
        f"-Wl,-T,{tree / 'firmware/ports/lx60/lx60.ld'}",
        f"-L{C_LIBRARY}/lib",
        "-Wl,--start-group",
        "-lc",
        "-lgcc",
        "-Wl,--end-group",
        "-o",
        str(part),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    # The port's heap calls this function, but it is the mark of our own firmware.
    strip = [f"{LX60.toolchain}objcopy", "-N", inspection.BENCH, str(part)]
    subprocess.run(strip, check=True, capture_output=True)
    part.replace(target)


def _identity_header() -> str:
    """Return a C header with a certificate and a key for each variant that needs its own."""
    issuer = root()
    good = pki.server("p256", issuer)
    pairs = {
        "good": (good, good.key),
        "expired": (pki.server("p256", issuer, validity=pki.Validity(2020, 2021)), good.key),
        "no_name": (pki.server("p256", issuer, names=()), good.key),
        "wrong_key": (good, keys.private_key("p256", "other")),
    }
    lines = ["typedef struct {", "    const char *certificate, *key;", "} identity_t;", ""]
    for name, (issued, key) in pairs.items():
        texts = [_c_string(issued.pem), _c_string(keys.pkcs8(key, None))]
        lines += [f"static const identity_t identity_{name} = {{", ",\n".join(texts), "};", ""]
    return "\n".join(lines)


def _c_string(text: bytes) -> str:
    return "\n".join(f'    "{line}\\n"' for line in text.decode().splitlines())


def _offset_of(elf: Path, name: str) -> int:
    """Return where in the file the object of this name lies."""
    with elf.open("rb") as stream:
        file = ELFFile(stream)
        address = FirmwareElf(elf).symbols[name].address
        for segment in file.iter_segments("PT_LOAD"):
            if 0 <= address - segment["p_vaddr"] < segment["p_filesz"]:
                return int(segment["p_offset"] + address - segment["p_vaddr"])
    raise AssertionError(f"{name} is in no segment of {elf.name}")
