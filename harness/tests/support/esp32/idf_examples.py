# SPDX-License-Identifier: MIT
"""ESP-IDF's server examples, built for QEMU's Ethernet as docs/how-to/pytest-embedded.md says.

ESPBENCH_IDF_EXAMPLES names a folder with https_server and ws_echo_server; by default they are taken
from ESP-IDF's own tree.
"""

from __future__ import annotations

import os
from pathlib import Path

from espbench.boards.builtin import BOARDS
from espbench.errors import EspbenchError
from espbench.qemu.discovery import find_qemu
from espbench.util.idf_tools import find_idf

PROTOCOLS = Path("examples", "protocols")
EXAMPLES = {
    "https_server": PROTOCOLS / "https_server" / "simple",
    "ws_echo_server": PROTOCOLS / "http_server" / "ws_echo_server",
}
"""Paths in ESP-IDF's tree."""
BUILT = "build_esp32_default"
VARIABLE = "ESPBENCH_IDF_EXAMPLES"
HOW = "docs/how-to/pytest-embedded.md says how to build them"


def absence() -> str:
    """Return what is missing and how to get it, or "" if nothing is."""
    try:
        find_qemu(BOARDS["esp32"])
    except EspbenchError as error:
        return str(error)
    if find_idf(os.environ) is None:
        return f"ESP-IDF, whose examples these need, was not found: point IDF_PATH at it ({HOW})."
    for name in EXAMPLES:
        built = folder(name) / BUILT
        if not (built / "flasher_args.json").exists():
            return (
                f"ESP-IDF's example {name} is not built ({built} is not there): {HOW}, and "
                f"{VARIABLE} names the folder that has them."
            )
    return ""


def folder(name: str) -> Path:
    """Return the folder of an example."""
    if named := os.environ.get(VARIABLE, ""):
        return Path(named) / name
    return upstream(name)


def upstream(name: str) -> Path:
    """Return the folder of an example in ESP-IDF's own tree."""
    return idf() / EXAMPLES[name]


def idf() -> Path:
    """Return ESP-IDF's path; only valid when nothing is absent."""
    found = find_idf(os.environ)
    assert found is not None
    return found
