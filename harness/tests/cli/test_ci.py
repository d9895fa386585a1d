# SPDX-License-Identifier: MIT
"""`espbench ci`: what it finds out about a project, and what it writes."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from espbench.cli import main as cli
from installed import TREE

TEMPLATE = TREE / "ci" / "espbench.yml"
CMAKE = "cmake_minimum_required(VERSION 3.16)\n{}\nproject(app)\n"
INCLUDE = "include($ENV{IDF_PATH}/tools/cmake/project.cmake)"
HEADER = "# Espressif IoT Development Framework (ESP-IDF) {} Project Configuration\n"
EDIT = "Now edit `env` in the workflow: "

Said = Callable[..., str]


@pytest.fixture(autouse=True)
def _without_idf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IDF_PATH", raising=False)


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Return a function that runs `espbench ci` on `tmp_path` and returns what it prints."""

    def run(*options: str, status: int = 0) -> str:
        assert cli.main(["ci", str(tmp_path), *options]) == status
        captured = capsys.readouterr()
        return captured.err if status else captured.out

    return run


def idf_project(folder: Path, **files: str) -> None:
    """Make an ESP-IDF project with these files, whose names have underscores for dots."""
    (folder / "CMakeLists.txt").write_text(CMAKE.format(INCLUDE))
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)


def written(folder: Path) -> dict[str, Any]:
    """Return the workflow that was written."""
    text = (folder / ".github/workflows/espbench.yml").read_text()
    data: dict[str, Any] = yaml.safe_load(text)
    assert text.count("\n") == TEMPLATE.read_text().count("\n")
    return data


def container(folder: Path) -> str:
    """Return the container of the workflow that was written."""
    return str(written(folder)["jobs"]["espbench"]["container"])


def merged_image(path: Path) -> None:
    """Write what looks like an image of the whole flash of an ESP32."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(bytes(0x8000) + b"\xaa\x50" + bytes(30))


def test_an_esp_idf_project(tmp_path: Path, said: Said) -> None:
    """A project that names no chip is for the ESP32, as ESP-IDF takes it."""
    idf_project(tmp_path)
    text = said()
    assert text == (
        f"{tmp_path}/.github/workflows/espbench.yml\n"
        "Found an ESP-IDF project for esp32.\n"
        f"{EDIT}OWNER and the version in ESPBENCH.\n"
        "Write the baseline, and commit it with the workflow:\n"
        "  idf.py -D IDF_TARGET=esp32 merge-bin\n"
        "  espbench check build/merged-binary.bin --baseline ci/check.toml --update\n"
    )
    assert (tmp_path / ".github/workflows/espbench.yml").read_text() == TEMPLATE.read_text()
    assert not (tmp_path / "ci").exists()
    assert said() == text, "running it again changes nothing"


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
    idf_project(tmp_path, sdkconfig=HEADER.format(version))
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


@pytest.mark.parametrize("built", [True, False])
def test_a_merged_image(built: bool, tmp_path: Path, said: Said) -> None:
    """A merged image is checked as it is, and built with make if there is a Makefile."""
    (tmp_path / "CMakeLists.txt").write_text(CMAKE.format("add_executable(app)"))
    (tmp_path / "app.bin").write_bytes(b"\xe9")
    merged_image(tmp_path / "build" / "the app.bin")
    if built:
        (tmp_path / "Makefile").touch()
    text = said()
    assert "Found the merged image build/the app.bin." in text
    assert ("then BUILD" in text) == (not built)
    assert "espbench check 'build/the app.bin' --baseline" in text
    env = written(tmp_path)["env"]
    assert env["BUILD"] == ("make" if built else "")
    assert env["FIRMWARE"] == "build/the app.bin"


def test_nothing_to_find(tmp_path: Path, said: Said) -> None:
    """In an empty folder, the template is written, and the values to edit are named."""
    text = said().splitlines()
    assert text[1:] == [
        "Found neither an ESP-IDF project nor a merged image.",
        f"{EDIT}OWNER and the version in ESPBENCH, then BUILD and FIRMWARE.",
    ]
    assert written(tmp_path) == yaml.safe_load(TEMPLATE.read_text())


@pytest.mark.parametrize(
    ("record", "source"),
    [
        (
            {"vcs_info": {"vcs": "git", "requested_revision": "v0.2.0", "commit_id": "12ab"}},
            "git+https://github.com/me/espbench@v0.2.0",
        ),
        (
            {"vcs_info": {"vcs": "git", "requested_revision": "main", "commit_id": "12ab"}},
            "git+https://github.com/me/espbench@12ab",
        ),
        (
            {"vcs_info": {"vcs": "git", "commit_id": "12ab"}},
            "git+https://github.com/me/espbench@12ab",
        ),
        ({"archive_info": {}}, ""),
        (None, ""),
    ],
    ids=["tag", "branch", "default", "archive", "none"],
)
def test_where_espbench_comes_from(
    record: Mapping[str, Any] | None,
    source: str,
    tmp_path: Path,
    said: Said,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The workflow installs what pip installed here, pinned; there is nothing left to edit."""

    class Distribution:
        def read_text(self, name: str) -> str | None:
            assert name == "direct_url.json"
            if record is None:
                return None
            return json.dumps({"url": "https://github.com/me/espbench", **record})

    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Distribution())
    idf_project(tmp_path)
    assert (EDIT in said()) == (not source)
    assert written(tmp_path)["env"]["ESPBENCH"] == (
        source or yaml.safe_load(TEMPLATE.read_text())["env"]["ESPBENCH"]
    )


def test_lx60(tmp_path: Path, said: Said) -> None:
    """--board lx60 copies that board's workflow and Dockerfile as they are."""
    assert said("--board", "lx60") == (
        f"{tmp_path}/.github/workflows/espbench.yml\n{tmp_path}/ci/Dockerfile\n"
        f"{EDIT}OWNER and the version in ESPBENCH, then BUILD, FIRMWARE and PORTS.\n"
    )
    for at, to in (("espbench-lx60.yml", ".github/workflows/espbench.yml"), ("Dockerfile",) * 2):
        target = tmp_path / (to if "/" in to else f"ci/{to}")
        assert target.read_bytes() == (TREE / "ci" / at).read_bytes()


def test_an_unknown_board(tmp_path: Path, said: Said) -> None:
    """An unknown board is named, and nothing is written."""
    assert re.match(r"espbench: .*esp99", said("--board", "esp99", status=1))
    assert not list(tmp_path.iterdir())
