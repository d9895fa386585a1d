# SPDX-License-Identifier: MIT
"""Commands that boot an image take its board from it, and refuse one that is truncated."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from espbench.cli.main import main, make_parser
from espbench.cli.shared import board_of_command, named_firmware, out_folder
from espbench.errors import ConfigError
from espbench.flash import merged_image
from espbench.reporting.parity import command as parity
from tiny_esp32 import tiny_esp32

COMMANDS = {
    "up": ["up"],
    "gate": ["gate", "--baseline", "base.json", "--update"],
    "measure": ["measure", "--quick"],
    "timings": ["timings"],
    "run": ["run", "smoke"],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(
    ("chip", "at", "board"), [(0, 0x1000, "esp32"), (5, 0, "esp32c3"), (9, 0, "esp32s3")]
)
def test_board(command: list[str], chip: int, at: int, board: str, tmp_path: Path) -> None:
    """Without --board, the image's chip tells it."""
    image = tmp_path / "merged.bin"
    image.write_bytes(b"\xff" * at + b"\xe9" + bytes(11) + struct.pack("<H", chip) + bytes(0x2000))

    def chosen(*options: str) -> str:
        return board_of_command(make_parser().parse_args([*command, *options])).name

    assert chosen("--firmware", str(image)) == board
    assert chosen() == "lx60"
    assert chosen("--firmware", str(image), "--board", "lx60") == "lx60"


def build_folder(folder: Path) -> Path:
    """Make a folder in which ESP-IDF seems to have built a project for an ESP32-C3."""
    folder.mkdir()
    boot = b"\xe9" + bytes(11) + struct.pack("<H", 5) + bytes(0x100)
    (folder / "boot.bin").write_bytes(boot)
    told = {"flash_settings": {"flash_size": "2MB"}, "flash_files": {"0x0": "boot.bin"}}
    (folder / "flasher_args.json").write_text(json.dumps(told))
    return folder


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_build_folder(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build folder tells the board, too, and is merged once."""
    folder = build_folder(tmp_path / "build")
    merged: list[Path] = []
    write = merged_image.write

    def counted(path: Path, data: bytes) -> None:
        merged.append(path)
        write(path, data)

    monkeypatch.setattr(merged_image, "write", counted)
    args = make_parser().parse_args([*command, "--firmware", str(folder)])
    assert board_of_command(args).name == "esp32c3"
    assert named_firmware(args) == folder / "espbench-merged.bin"
    assert merged == [folder / "espbench-merged.bin"]


def test_build_folder_in_parity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`espbench parity` takes a build folder for each board."""
    folder = build_folder(tmp_path / "build")
    asked = []

    def compare(options: Any, *_: object, **__: object) -> None:
        asked.append([plan.firmware for plan in options.plans])
        raise ConfigError("enough")

    monkeypatch.setattr(parity, "parity", compare)
    command = ["parity", "--boards", "lx60,esp32c3", "--firmware", f"esp32c3={folder}"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 1
    assert asked == [[None, folder / "espbench-merged.bin"]]


@pytest.mark.parametrize(
    "command", [["check"], ["up"], [*COMMANDS["gate"], "--firmware"], ["measure", "--firmware"]]
)
def test_truncated(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A truncated image is refused before QEMU is looked for, with what is missing."""
    monkeypatch.chdir(tmp_path)
    image = tmp_path / "merged.bin"
    image.write_bytes(tiny_esp32(b"hello")[:0x8100])
    assert main([*command, image.name]) == 1
    said = capsys.readouterr().err
    assert "espbench: merged.bin is truncated: the application in its partition 'factory'" in said
    assert not (tmp_path / "base.json").exists()


def test_folder_of_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of a report that is shown has no `..` in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").mkdir()
    assert out_folder("a/../b", "check") == tmp_path / "b"
