# SPDX-License-Identifier: MIT
"""An ELF file of another build is refused before the boot, or ignored if nobody named it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from espbench.boards.builtin import LX60
from espbench.cli.main import main
from espbench.device.device import Device
from espbench.errors import WrongElf

REFUSED = (
    "other.elf comes from a different build than image.bin: its code differs. Build both again, or "
    "name the right ELF file with --firmware-elf (pytest: --espbench-firmware-elf, Device: elf)."
)
IGNORED = "image.elf beside image.bin comes from a different build, so it is ignored: build "


@pytest.fixture
def image(tmp_path: Path, tiny_firmware: Callable[[bytes], Path]) -> Path:
    """Return a firmware without an ELF file, and put that of another build into its folder."""
    path = tmp_path / "image.bin"
    path.write_bytes(tiny_firmware(b"ready\r\n").read_bytes())
    tiny_firmware(b"another\r\n").rename(tmp_path / "other.elf")
    return path


@pytest.fixture
def never_boots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test that starts a device."""

    def start(*_args: object, **_options: object) -> None:
        raise AssertionError("It booted.")

    monkeypatch.setattr(Device, "start", start)


@pytest.mark.usefixtures("never_boots")
@pytest.mark.parametrize(
    "command",
    [
        ("check",),
        ("up",),
        ("measure", "--firmware"),
        ("gate", "--update", "--baseline", "new.json", "--firmware"),
    ],
    ids=lambda command: command[0],
)
def test_named(command: tuple[str, ...], image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A named one is a wrong option: one sentence, exit status 2, and nothing boots."""
    named = str(image.with_name("other.elf"))
    assert main((*command, str(image), "--board", "lx60", "--firmware-elf", named)) == 2
    assert capsys.readouterr().err == f"espbench: {REFUSED}\n"


@pytest.mark.usefixtures("never_boots")
def test_not_an_elf_file(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The image itself, or any other file, has no debugging information."""
    named = image.with_name("notes.txt")
    named.write_text("")
    assert main(("check", str(image), "--board", "lx60", "--firmware-elf", str(named))) == 2
    assert capsys.readouterr().err.startswith(f"espbench: {named} is not an ELF file: name the one")


def test_device(image: Path) -> None:
    """A script's `elf=` is refused where it is written."""
    with pytest.raises(WrongElf) as caught:
        Device(LX60, image, elf=image.with_name("other.elf"))
    assert str(caught.value) == REFUSED


def test_fixture(tmp_path: Path, image: Path, inner: Callable[..., tuple[int, str]]) -> None:
    """pytest ends with a usage error before the first test."""
    named = image.with_name("other.elf")
    tmp_path.joinpath("tiny.elf").unlink(missing_ok=True)
    options = ("--espbench-ready-console", "^ready", "--espbench-firmware-elf", str(named))
    status, output = inner("def test_it(device): pass\n", *options, text=b"ready\r\n")
    assert status == 4
    assert "\nERROR: other.elf comes from a different build than tiny.elf: its code" in output


def test_beside(image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One with the image's name is ignored, which is said once, before the boot."""
    image.with_name("other.elf").rename(image.with_suffix(".elf"))
    options = ("--board", "lx60", "--ready-console", "ready", "--ready-timeout", "1")
    out = str(image.parent / "out")
    assert main(("check", str(image), *options, "--only", "boot.comes_up", "--out", out)) == 0
    assert capsys.readouterr().err.count(f"espbench: {IGNORED}") == 1


def test_fixture_beside(tmp_path: Path, image: Path, inner: Callable[..., tuple[int, str]]) -> None:
    """pytest shows the sentence among the warnings."""
    image.with_name("other.elf").rename(image.with_suffix(".elf"))
    options = ("--espbench-ready-console", "^ready", "--espbench-firmware", str(tmp_path / image))
    status, output = inner("def test_it(device): pass\n", *options)
    assert status == 0, output
    assert f"UserWarning: {IGNORED}" in output
