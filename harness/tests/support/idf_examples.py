"""ESP-IDF's server examples, built for QEMU's Ethernet as docs/pytest-embedded.md says.

ESPBENCH_IDF_EXAMPLES names a folder with https_server and ws_echo_server; without it they are
looked for in ESP-IDF's own tree.
"""

from __future__ import annotations

import os
from pathlib import Path

from espbench.boards import BOARDS
from espbench.errors import EspbenchError
from espbench.find_qemu import find_qemu

PROTOCOLS = Path("examples", "protocols")
EXAMPLES = {
    "https_server": PROTOCOLS / "https_server" / "simple",
    "ws_echo_server": PROTOCOLS / "http_server" / "ws_echo_server",
}
"""Where they are in ESP-IDF's tree."""
BUILT = "build_esp32_default"


def absence() -> str:
    """Return what is missing, or ""."""
    try:
        find_qemu(BOARDS["esp32"])
    except EspbenchError as error:
        return str(error)
    if "IDF_PATH" not in os.environ:
        return "IDF_PATH does not name ESP-IDF, whose examples these are"
    missing = [
        name for name in EXAMPLES if not (folder(name) / BUILT / "flasher_args.json").exists()
    ]
    return f"{folder(missing[0]) / BUILT} is not there: build the example" if missing else ""


def folder(name: str) -> Path:
    """Return the folder of an example."""
    if named := os.environ.get("ESPBENCH_IDF_EXAMPLES", ""):
        return Path(named) / name
    return upstream(name)


def upstream(name: str) -> Path:
    """Return the folder of an example in ESP-IDF's own tree."""
    return Path(os.environ["IDF_PATH"]) / EXAMPLES[name]
