"""ESP-IDF's own tests of its server examples, unchanged, which else need a board on a network.

ESPBENCH_IDF_EXAMPLES names a folder with https_server and ws_echo_server, built for QEMU's Ethernet
as docs/pytest-embedded.md says; without it they are looked for in ESP-IDF's own tree.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from espbench.boards import BOARDS
from espbench.errors import EspbenchError
from espbench.find_qemu import find_qemu

pytest.importorskip("pytest_embedded_qemu", reason="pip install 'espbench[embedded]'")

PROTOCOLS = Path("examples", "protocols")
EXAMPLES = {
    "https_server": (PROTOCOLS / "https_server" / "simple", "pytest_https_server_simple.py"),
    "ws_echo_server": (
        PROTOCOLS / "http_server" / "ws_echo_server",
        "pytest_ws_server_example.py",
    ),
}
BUILT = "build_esp32_default"
CONFTEST = Path(__file__).parent / "support" / "idf_conftest.py"


def absence() -> str:
    """Return what is missing, or ""."""
    try:
        find_qemu(BOARDS["esp32"])
    except EspbenchError as error:
        return str(error)
    if "IDF_PATH" not in os.environ:
        return "IDF_PATH does not name ESP-IDF, whose examples these are"
    missing = [name for name in EXAMPLES if not (folder(name) / BUILT).is_dir()]
    return f"{folder(missing[0]) / BUILT} is not there: build the example" if missing else ""


def folder(name: str) -> Path:
    """Return the folder of an example."""
    if named := os.environ.get("ESPBENCH_IDF_EXAMPLES", ""):
        return Path(named) / name
    return Path(os.environ["IDF_PATH"]) / EXAMPLES[name][0]


WHY = absence()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY or "they are here")


def project(where: Path, name: str) -> str:
    """Make a folder with ESP-IDF's test and what was built; return the names of configurations."""
    inside = where / name
    inside.mkdir()
    (where / "pytest.ini").write_text("[pytest]\npython_files = pytest_*.py\n")
    shutil.copy(CONFTEST, where / "conftest.py")
    source, test = EXAMPLES[name]
    shutil.copy(Path(os.environ["IDF_PATH"]) / source / test, inside)
    built = [path for path in folder(name).glob("build_esp32_*") if path.is_dir()]
    for path in built:
        (inside / path.name).symlink_to(path)
    return " ".join(path.name for path in built)


@pytest.mark.parametrize("name", EXAMPLES)
def test_upstream(name: str, tmp_path: Path) -> None:
    """They pass as they are, with pytest-embedded's own options."""
    built = project(tmp_path, name)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA"]
    command += ["--embedded-services", "idf,qemu", "--target", "esp32", name]
    if "dynamic_buffer" not in built:
        command += ["-k", "not dynamic_buffer"]
    result = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    expected = 2 if name == "https_server" and "dynamic_buffer" in built else 1
    assert re.search(rf"^=+ {expected} passed", result.stdout, re.M)
