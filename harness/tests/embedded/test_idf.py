# SPDX-License-Identifier: MIT
"""ESP-IDF's own tests of its server examples pass unchanged, without a board on a network."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from idf_examples import absence, folder, idf, upstream
from inner_pytest import inner_pytest

TESTS = {
    "https_server": "pytest_https_server_simple.py",
    "ws_echo_server": "pytest_ws_server_example.py",
}
CONFTEST = Path(__file__).parents[1] / "support" / "esp32" / "idf_conftest.py"
WHY = absence()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY or "available")


def project(where: Path, name: str) -> str:
    """Create a folder with ESP-IDF's test and its builds; return the configurations' names."""
    inside = where / name
    inside.mkdir()
    (where / "pytest.ini").write_text("[pytest]\npython_files = pytest_*.py\n")
    shutil.copy(CONFTEST, where / "conftest.py")
    shutil.copy(upstream(name) / TESTS[name], inside)
    built = [path for path in folder(name).glob("build_esp32_*") if path.is_dir()]
    for path in built:
        (inside / path.name).symlink_to(path)
    return " ".join(path.name for path in built)


@pytest.mark.parametrize("name", TESTS)
def test_upstream(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests pass unchanged, with pytest-embedded's own options."""
    monkeypatch.setenv("IDF_PATH", str(idf()))
    built = project(tmp_path, name)
    arguments = ["-rA", "--embedded-services", "idf,qemu", "--target", "esp32", name]
    if "dynamic_buffer" not in built:
        arguments += ["-k", "not dynamic_buffer"]
    output = inner_pytest(tmp_path, *arguments)
    expected = 2 if name == "https_server" and "dynamic_buffer" in built else 1
    assert re.search(rf"^=+ {expected} passed", output, re.M)
