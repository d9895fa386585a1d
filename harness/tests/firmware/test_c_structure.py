# SPDX-License-Identifier: MIT
"""The firmware's C depends downwards only: webserver, then its modules, then the ports."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from c_structure import PORT_HEADERS, c_files, cycle, folders, includes, symbols
from espbench.boards.builtin import LX60
from espbench.firmware.build import build

TREE = Path(__file__).resolve().parents[3]
FIRMWARE = TREE / "firmware"
MODULES = FIRMWARE / "modules"
FILES = c_files(FIRMWARE)
NM = "xtensa-lx106-elf-nm"

SERVERS = ("httpserver", "wsserver", "webrepl")
LAYERS = (
    {"modules/webserver", *(f"modules/webserver/{part}" for part in ("text", "tls", "ws"))},
    {"modules/webserver/http"},
    {"modules/webserver/net"},
    {f"modules/{name}" for name in (*SERVERS, "bench")},
    {"ports/esp32/servers", "ports/esp32/qemu_workarounds", "ports/common", "ports/lx60/chip"},
    {"ports/lx60/net"},
    {"ports/lx60", "ports/esp32"},
)
"""Folders, lowest first."""

PORT_INTERFACE = (
    *("board_us", "board_clock", "board_entropy", "board_console_write", "board_wait_event"),
    *("net_malloc", "net_calloc", "net_free", "net_heap_figures", "net_heap_failures"),
)
"""What webserver/port.h declares and a port defines."""

HAL = (
    *("mp_hal_delay_ms", "mp_hal_stdin_rx_chr", "mp_hal_stdout_tx_strn", "mp_hal_ticks_ms"),
    *("net_random", "__assert_func"),
)
"""What MicroPython, lwIP and the C library ask of a port."""


def described(path: Path) -> bool:
    """Return whether a comment follows the licence line, which is the first."""
    return path.read_text(encoding="utf-8").split("\n", 2)[1].startswith(("/*", "//"))


def test_files_say_what_they_have() -> None:
    """Each file begins with a comment on its contents, or includes its own header that does."""
    parts = ("boards", "modules", "ports", "tests")
    files = [path for part in parts for path in sorted((FIRMWARE / part).rglob("*.[ch]"))]
    assert any("tests" in path.parts for path in files)
    headers = {path for path in files if path.suffix == ".h" and described(path)}

    def has_header(path: Path) -> bool:
        named = re.findall(r'^#include "([^"]+)"', path.read_text(), re.MULTILINE)
        return any(
            path.stem == Path(name).stem and any(str(h).endswith(f"/{name}") for h in headers)
            for name in named
        )

    assert [
        str(path.relative_to(FIRMWARE))
        for path in files
        if not described(path) and not (path.suffix == ".c" and has_header(path))
    ] == []


def test_no_cycle_between_files() -> None:
    """No file includes one that includes it."""
    assert cycle(includes(FIRMWARE, FILES)) == []


def test_no_cycle_between_folders() -> None:
    """No folder includes from one that includes from it."""
    assert cycle(folders(includes(FIRMWARE, FILES))) == []


def test_cycles_are_found(tmp_path: Path) -> None:
    """Files and folders that include each other are named."""
    for path, included in {
        "modules/a/one.h": "b/two.h",
        "modules/b/two.h": "three.h",
        "modules/b/three.h": "a/four.h",
        "modules/a/four.h": "stdio.h",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f'#include "{included}"\n')
    graph = includes(tmp_path, c_files(tmp_path))
    assert cycle(graph) == []
    assert set(cycle(folders(graph))) == {"modules/a", "modules/b"}
    (tmp_path / "modules/a/four.h").write_text('#include "one.h"\n')
    assert len(set(cycle(includes(tmp_path, c_files(tmp_path))))) == 4


def test_direction() -> None:
    """A folder includes from its own layer or from lower ones, and each folder has a layer."""
    layer = {folder: number for number, names in enumerate(LAYERS) for folder in names}
    for folder, others in folders(includes(FIRMWARE, FILES)).items():
        if folder.startswith(("ports/lx60/arch", "ports/lx60/libgcc")):
            continue  # included by lwIP and by GCC's sources
        upwards = [other for other in others if layer[other] > layer[folder]]
        assert not upwards, f"{folder} includes from {upwards}"


def test_servers_do_not_know_each_other() -> None:
    """Of httpserver, wsserver and webrepl none includes another's headers."""
    graph = folders(includes(FIRMWARE, FILES))
    for name in SERVERS:
        others = {f"modules/{other}" for other in SERVERS} - {f"modules/{name}"}
        assert not graph[f"modules/{name}"] & others


@pytest.mark.parametrize("name", sorted(PORT_HEADERS))
def test_headers_of_ports(name: str) -> None:
    """Each port has each of them, and none includes another header of the firmware."""
    found = [path for path in FILES if path.name == name]
    assert {path.parts[1] for path in found} >= {"lx60", "esp32"}
    for path in found:
        assert not includes(FIRMWARE, FILES)[path], path


@pytest.mark.parametrize("name", ["webserver", *SERVERS, "bench"])
def test_sources_are_listed(name: str) -> None:
    """make and CMake build the same sources, which are those that the folder has."""
    there = {str(path.relative_to(MODULES / name)) for path in (MODULES / name).rglob("*.c")}
    for listing, prefix in (("micropython.mk", ""), ("micropython.cmake", "_LIST_DIR}/")):
        text = (MODULES / name / listing).read_text().replace("$(USERMOD_DIR)/", "")
        listed = re.findall(
            rf"{re.escape(prefix)}([\w/]+\.c)\b", text.replace("$(HTTP_PARSER)/", "$")
        )
        assert sorted(set(listed) - {"http_parser.c"}) == sorted(there), listing
        assert len(listed) == len(set(listed)), listing


@pytest.mark.skipif(shutil.which(NM) is None, reason=f"{NM} is not installed")
def test_calls_go_downwards() -> None:
    """Of what is above it, webserver calls the port's interface only; no module calls another."""
    out = build(LX60).firmware.parent
    objects = {name: list((out / name).rglob("*.o")) for name in ("webserver", *SERVERS, "bench")}
    ports = [
        *(out / "ports").rglob("*.o"),
        *out.glob("*.o"),
        *(out / "net").glob("*.o"),
        *(out / "chip").glob("*.o"),
    ]
    assert all(objects.values())
    assert ports
    defined = {name: symbols(NM, found)[0] for name, found in objects.items()}
    above = symbols(NM, ports)[0]
    for name, found in objects.items():
        wanted = symbols(NM, found)[1]
        for other in (*SERVERS, "bench"):
            if other != name:
                assert not wanted & defined[other], f"{name} calls {other}"
        if name != "bench":  # whose port.h is its own
            assert wanted & above <= {*PORT_INTERFACE, *HAL}, name
