# SPDX-License-Identifier: MIT
"""`espbench ci`: what it finds out about a project, and what it writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from espbench.cli import main as cli
from firmware_projects import (
    CMAKE,
    TEMPLATE,
    comes_from,
    edits,
    header,
    idf_project,
    image,
    written,
)
from installed import TREE

EDIT = "Edit these lines of {}/.github/workflows/espbench.yml before you commit it:\n"
LOOK = EDIT.replace("Edit", "Look at")
PIP = "pip did not record where this espbench was installed from"

Said = Callable[..., str]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide ESP-IDF, and where this espbench came from."""
    monkeypatch.delenv("IDF_PATH", raising=False)
    comes_from(None, monkeypatch)


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Return a function that runs `espbench ci` on `tmp_path` and returns what it prints."""

    def run(*options: str, status: int = 0) -> str:
        assert cli.main(["ci", str(tmp_path), *options]) == status
        captured = capsys.readouterr()
        return captured.err if status else captured.out

    return run


def container(folder: Path) -> str:
    """Return the container of the workflow that was written."""
    return str(written(folder)["jobs"]["espbench"]["container"])


def test_an_esp_idf_project(tmp_path: Path, said: Said) -> None:
    """A project that names no chip is for the ESP32, as ESP-IDF takes it."""
    idf_project(tmp_path)
    text = said()
    lines = TEMPLATE.read_text().splitlines()
    source, build = (
        next(f"line {n}: {line.strip()}" for n, line in enumerate(lines, 1) if f"  {key}: " in line)
        for key in ("ESPBENCH", "BUILD")
    )
    assert text == (
        f"{tmp_path}/.github/workflows/espbench.yml\n"
        "Found an ESP-IDF project for esp32.\n"
        "Write the baseline, and commit it with the workflow:\n"
        f"  cd {tmp_path}\n"
        "  idf.py -D IDF_TARGET=esp32 merge-bin\n"
        "  espbench check build/merged-binary.bin --baseline ci/check.toml --update\n"
        f"{EDIT.format(tmp_path)}"
        f"  {source}\n    {PIP}: replace OWNER, and v0.1.0 with a tag\n"
        f"{LOOK.format(tmp_path)}"
        "  line 9: branches: [main]\n"
        "    not in git yet: will this be the repository's default branch?\n"
        f"  {build}\n    makes build/merged-binary.bin\n"
        "  line 24: FIRMWARE: build/merged-binary.bin\n"
        "    nothing sets CONFIG_ETH_USE_OPENETH=y: QEMU has no Wi-Fi, so a server that waits "
        "for it is not found (docs/tutorial/your-firmware.md shows how to add Ethernet for QEMU)\n"
        "  line 40: container: espressif/idf:v5.5.5\n"
        "    no build shows your version of ESP-IDF: is it this one?\n"
    )
    assert (tmp_path / ".github/workflows/espbench.yml").read_text() == TEMPLATE.read_text()
    assert not (tmp_path / "ci").exists()
    assert said() == text, "running it again changes nothing"


@pytest.mark.parametrize("name", ["sdkconfig", "sdkconfig_defaults"])
def test_ethernet_for_qemu(name: str, tmp_path: Path, said: Said) -> None:
    """A project with QEMU's Ethernet is not told that QEMU has no Wi-Fi."""
    idf_project(tmp_path, **{name: "CONFIG_ETH_USE_OPENETH=y\n"})
    assert "Wi-Fi" not in said()


@pytest.mark.parametrize(
    "files",
    [
        {"sdkconfig_defaults": 'CONFIG_IDF_TARGET="esp32c3"\n'},
        {"sdkconfig_defaults": "CONFIG_IDF_TARGET=esp32c3\n"},
        {
            "sdkconfig": 'CONFIG_IDF_TARGET="esp32c3"\n',
            "sdkconfig_defaults": 'CONFIG_IDF_TARGET="esp32"\n',
        },
    ],
    ids=["defaults", "unquoted", "sdkconfig"],
)
def test_the_chip(files: Mapping[str, str], tmp_path: Path, said: Said) -> None:
    """The chip is the one in sdkconfig, else the one in sdkconfig.defaults."""
    idf_project(tmp_path, **files)
    assert "an ESP-IDF project for esp32c3" in said()
    assert written(tmp_path)["env"]["BUILD"] == "idf.py -D IDF_TARGET=esp32c3 merge-bin"


def test_the_chip_that_an_option_names(tmp_path: Path, said: Said) -> None:
    """--board decides for projects that are built for several chips."""
    idf_project(tmp_path)
    said("--board", "esp32c3")
    assert written(tmp_path)["env"]["BUILD"] == "idf.py -D IDF_TARGET=esp32c3 merge-bin"


def test_a_chip_that_cannot_be_emulated(tmp_path: Path, said: Said) -> None:
    """Nothing is written for a chip that is not emulated."""
    idf_project(tmp_path, sdkconfig='CONFIG_IDF_TARGET="esp32h2"\n')
    assert said(status=1) == (
        f"espbench: {tmp_path} is a project for the chip esp32h2, which espbench does not emulate: "
        "build it for esp32, esp32c3 or esp32s3.\n"
    )
    assert not (tmp_path / ".github").exists()


@pytest.mark.parametrize(("version", "tag"), [("5.4.1", "v5.4.1"), ("5.5.0", "v5.5")])
def test_the_version_of_esp_idf(version: str, tag: str, tmp_path: Path, said: Said) -> None:
    """The container has the ESP-IDF that wrote sdkconfig."""
    idf_project(tmp_path, sdkconfig=header(version))
    said()
    assert container(tmp_path) == f"espressif/idf:{tag}"


def test_the_active_esp_idf(tmp_path: Path, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sdkconfig, the container has the ESP-IDF whose environment is active."""
    idf_project(tmp_path)
    cmake = tmp_path / "idf" / "tools" / "cmake" / "version.cmake"
    cmake.parent.mkdir(parents=True)
    numbers = zip(("MAJOR", "MINOR", "PATCH"), (5, 3, 2), strict=True)
    cmake.write_text("".join(f"set(IDF_VERSION_{name} {n})\n" for name, n in numbers))
    monkeypatch.setenv("IDF_PATH", str(tmp_path / "idf"))
    said()
    assert container(tmp_path) == "espressif/idf:v5.3.2"


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("espbench.toml", "[firmware]\n", "--profile espbench.toml"),
        ("pyproject.toml", "[tool.espbench.firmware]\n", "--profile pyproject.toml"),
        ("pyproject.toml", "[tool.ruff]\n", ""),
    ],
)
def test_a_profile(name: str, text: str, options: str, tmp_path: Path, said: Said) -> None:
    """A profile in the project is used."""
    idf_project(tmp_path)
    (tmp_path / name).write_text(text)
    assert (f"merged-binary.bin {options} --baseline" in said()) == bool(options)
    assert written(tmp_path)["env"]["OPTIONS"] == options


def test_a_makefile(tmp_path: Path, said: Said) -> None:
    """If there is a Makefile, it makes the merged image."""
    (tmp_path / "CMakeLists.txt").write_text(CMAKE.format("add_executable(app)"))
    (tmp_path / "app.bin").write_bytes(b"\xe9")
    image(tmp_path / "build" / "the app.bin")
    (tmp_path / "Makefile").touch()
    text = said()
    assert "Found the merged image build/the app.bin." in text
    assert "\n  make\n  espbench check 'build/the app.bin' --baseline" in text
    assert "\n    . has a Makefile: does this command make build/the app.bin?\n" in text
    env = written(tmp_path)["env"]
    assert (env["BUILD"], env["FIRMWARE"]) == ("make", "build/the app.bin")


def test_nothing_to_find(tmp_path: Path, said: Said) -> None:
    """In an empty folder, the template is written, and the values to edit are named."""
    text = said()
    line = f"{tmp_path} has no ESP-IDF project, no MicroPython port and no merged image."
    assert text.splitlines()[1] == line
    assert edits(text) == ["ESPBENCH", "BUILD", "FIRMWARE"]
    assert "\n    name the image: a merged .bin, or ESP-IDF's build folder\n" in text
    assert written(tmp_path) == yaml.safe_load(TEMPLATE.read_text())


def test_lx60(tmp_path: Path, said: Said) -> None:
    """--board lx60 copies that board's workflow and Dockerfile as they are."""
    text = said("--board", "lx60")
    assert text.startswith(
        f"{tmp_path}/.github/workflows/espbench.yml\n{tmp_path}/ci/Dockerfile\n{EDIT.format(tmp_path)}"
    )
    assert edits(text) == ["ESPBENCH", "BUILD", "FIRMWARE", "READY", "PORTS"]
    for at, to in (("espbench-lx60.yml", ".github/workflows/espbench.yml"), ("Dockerfile",) * 2):
        target = tmp_path / (to if "/" in to else f"ci/{to}")
        assert target.read_bytes() == (TREE / "ci" / at).read_bytes()


def test_an_unknown_board(tmp_path: Path, said: Said) -> None:
    """An unknown board is named, and nothing is written."""
    assert re.match(r"espbench: .*esp99", said("--board", "esp99", status=1))
    assert not list(tmp_path.iterdir())
