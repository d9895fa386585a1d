# SPDX-License-Identifier: MIT
"""A dut on Espressif's QEMU, with a tiny firmware."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from embedded_session import run_embedded
from espbench.boards.builtin import BOARDS
from espbench.errors import EspbenchError
from espbench.qemu.discovery import find_qemu
from tiny_esp32 import tiny_esp32
from tiny_esp32c3 import tiny_esp32c3

Inner = Callable[..., "tuple[int, str]"]
HELLO = b"hello from an ESP32\r\n"


def absence() -> str:
    """Return why QEMU does not support the chips, or ""."""
    try:
        find_qemu(BOARDS["esp32"])
    except EspbenchError as error:
        return str(error)
    return ""


WHY = absence()
pytestmark = pytest.mark.skipif(bool(WHY), reason=WHY or "available")


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Return a build folder as `idf.py build` leaves it, with the firmware in two files."""
    folder = tmp_path / "build"
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "sdkconfig.json").write_text(json.dumps({"IDF_TARGET": "esp32"}))
    firmware = tiny_esp32(HELLO)
    (folder / "bootloader.bin").write_bytes(firmware[0x1000:0x8000])
    (folder / "table.bin").write_bytes(firmware[0x8000:])
    (folder / "app.elf").write_bytes(b"")
    flasher = {
        "flash_files": {"0x1000": "bootloader.bin", "0x8000": "table.bin"},
        "flash_settings": {"flash_size": "4MB", "flash_mode": "dio", "flash_freq": "40m"},
        "extra_esptool_args": {"chip": "esp32"},
    }
    (folder / "flasher_args.json").write_text(json.dumps(flasher))
    return folder


def test_project(build: Path, tmp_path: Path) -> None:
    """A project's build folder boots; dut and device are one machine, and the image is unchanged.

    The second test writes only to a copy of the flash.
    """
    source = """
import pathlib
def test_it(dut, device):
    assert dut.app.target == dut.target == "esp32"
    assert dut.qemu.device is device and device.board.name == "esp32"
    assert dut.expect(r"hello from an (\\w+)\\r\\n")[1] == b"ESP32"
    assert device.resets == ["POWERON_RESET"]
    dut.hard_reset()
    dut.expect_exact(b"hello from an ESP32\\r\\n")
    assert len(device.resets) == 2
    assert device.url("/").startswith("http://127.0.0.1:")
@pytest.mark.device(psram="4M", files={"/a": "b"})
def test_options(dut, device):
    dut.expect("hello")
    assert "4M" in dut.qemu.args and device.stored_files() == {"/a": b"b"}
"""
    status, output = run_embedded(tmp_path, source, "--embedded-services=idf,qemu")
    assert status == 0, output
    image = (build / "flash_image.bin").read_bytes()
    assert len(image) == 4 << 20
    assert image.startswith(b"\xff" * 0x1000 + tiny_esp32(HELLO)[0x1000:])


def test_no_build_folder(tmp_path: Path) -> None:
    """The error for a project without a build folder says so."""
    status, output = run_embedded(
        tmp_path, "def test_it(dut): pass", "--embedded-services=idf,qemu", "--build-dir=other"
    )
    assert status == 1
    assert (
        f"espbench.errors.ConfigError: {tmp_path} has no build folder other: build the "
        "project with `idf.py -B other build`, or name another with --build-dir." in output
    )


def test_named_image(tmp_path: Path) -> None:
    """An image without a project boots on the machine given in the arguments."""
    (tmp_path / "c3.bin").write_bytes(tiny_esp32c3(HELLO))
    source = """
def test_it(dut, device):
    dut.expect("hello")
    assert device.board.name == "esp32c3"
"""
    options = ("--embedded-services=qemu", "--qemu-image-path=c3.bin")
    status, output = run_embedded(
        tmp_path, source, *options, "--qemu-cli-args=-nographic -machine esp32c3"
    )
    assert status == 0, output


def test_efuses_stay(build: Path, tmp_path: Path) -> None:
    """The eFuses are kept in the given file after the test."""
    source = "def test_it(dut): dut.expect('hello')"
    options = ("--embedded-services=idf,qemu", "--qemu-efuse-path=efuse.bin")
    status, output = run_embedded(tmp_path, source, *options)
    assert status == 0, output
    content = BOARDS["esp32"].handover.files["efuse.bin"]
    assert (tmp_path / "efuse.bin").read_bytes() == content(tmp_path, "")


def test_chip_without_a_board(build: Path, tmp_path: Path) -> None:
    """A chip without a board in espbench runs in pytest-embedded's own QEMU."""
    (build / "config" / "sdkconfig.json").write_text(json.dumps({"IDF_TARGET": "esp32s3"}))
    source = """
def test_it(dut):
    import pytest_embedded_qemu.qemu
    assert type(dut.qemu) is pytest_embedded_qemu.qemu.Qemu
def test_both(dut, device): pass
"""
    status, output = run_embedded(
        tmp_path, source, "--embedded-services=idf,qemu", "--qemu-prog-path=/bin/true"
    )
    assert status == 1
    assert "test_inner.py .E" in output
    assert (
        "ConfigError: The dut does not run on espbench's machine (it is not in QEMU, or "
        "espbench has no board for its chip), so `device` cannot be its machine" in output
    )
