# SPDX-License-Identifier: MIT
"""pytest-embedded's `dut` and espbench's `device` are the same machine."""

from __future__ import annotations

from pathlib import Path

from espbench.boards.board import Board
from inner_pytest import inner_pytest

SUITE = """
import http.client

def test_it(dut, device):
    device.wait_ready()
    device.exec("print(6 * 7)")
    dut.expect_exact("42")
    connection = http.client.HTTPConnection(device.guest_address, device.board.ports["http"])
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200
    dut.write(b"\\x03")
    dut.expect_exact(">>> ")
"""


def test_dut_and_device(board: Board, firmware: Path, tmp_path: Path) -> None:
    """A dut sends and expects, and the guest's address leads to its server."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_inner.py").write_text(SUITE)
    inner_pytest(
        tmp_path,
        "test_inner.py",
        f"--espbench-board={board.name}",
        f"--espbench-firmware={firmware}",
        "--embedded-services=qemu",
    )


def test_suites_in_another_project(firmware: Path, board: Board, tmp_path: Path) -> None:
    """`pytest --espbench-suites` uses its own services, whatever the project's tests use."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_own.py").write_text("def test_it(_services): assert _services == ['base']\n")
    said = inner_pytest(
        tmp_path,
        *("--espbench-suites=places", "--setup-show"),
        *("-k", "program_that_was_stopped or test_own"),
        f"--espbench-board={board.name}",
        f"--espbench-firmware={firmware}",
        "test_own.py",
    )
    assert "SETUP    F dut (" in said
    assert " 2 passed" in said
