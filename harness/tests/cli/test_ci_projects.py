# SPDX-License-Identifier: MIT
"""`espbench ci` in projects of others: MicroPython, prebuilt images, subfolders, build folders."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import workflow
from espbench.cli import main as cli
from firmware_projects import (
    cmake_cache,
    comes_from,
    edits,
    git,
    header,
    idf_project,
    image,
    micropython_port,
    written,
)

Said = Callable[..., str]


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide ESP-IDF and the user's git configuration, and let espbench come from a public host."""
    monkeypatch.delenv("IDF_PATH", raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    vcs = {"vcs": "git", "requested_revision": "v0.2.0", "commit_id": "12ab"}
    comes_from({"url": "https://github.com/me/espbench", "vcs_info": vcs}, monkeypatch)


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Return a function that runs `espbench ci` on a folder of `tmp_path`."""

    def run(at: str = ".", *options: str, status: int = 0) -> str:
        assert cli.main(["ci", str(tmp_path / at), *options]) == status
        captured = capsys.readouterr()
        return captured.err if status else captured.out

    return run


def is_valid(folder: Path) -> bool:
    """Return whether the workflow that was written conforms to GitHub's schema."""
    path = folder / ".github" / "workflows" / "espbench.yml"
    return workflow.valid(path, "vendor.github-workflows")


def settings(folder: Path) -> tuple[str, str]:
    """Return the workflow's BUILD and FIRMWARE."""
    env = written(folder)["env"]
    return env["BUILD"], env["FIRMWARE"]


def test_as_esp_idf_built_it(tmp_path: Path, said: Said) -> None:
    """The chip, further defaults and ESP-IDF's version are those of the last build."""
    idf_project(tmp_path, sdkconfig_defaults="", sdkconfig_qemu="")
    defaults = f"sdkconfig.defaults;{tmp_path}/sdkconfig.qemu"
    build = tmp_path / "build-esp32c3"
    cmake_cache(build, tmp_path, IDF_TARGET="esp32c3", SDKCONFIG_DEFAULTS=defaults)
    (build / "sdkconfig").write_text(header("5.4.1"))
    text = said()
    assert edits(text) == []
    command = (
        "idf.py -D IDF_TARGET=esp32c3 -D 'SDKCONFIG_DEFAULTS=sdkconfig.defaults;sdkconfig.qemu'"
    )
    assert settings(tmp_path) == (f"{command} merge-bin", "build/merged-binary.bin")
    assert f"\n  {command} merge-bin\n" in text
    assert written(tmp_path)["jobs"]["espbench"]["container"] == "espressif/idf:v5.4.1"
    assert "the ESP-IDF 5.4.1 that you use" in text
    assert is_valid(tmp_path)


def test_a_build_that_other_machines_cannot_repeat(tmp_path: Path, said: Said) -> None:
    """A file outside of the repository is named, and left out."""
    idf_project(tmp_path / "app")
    cmake_cache(
        tmp_path / "app" / "build",
        tmp_path / "app",
        IDF_TARGET="esp32",
        SDKCONFIG_DEFAULTS="sdkconfig.defaults;/elsewhere/qemu",
    )
    text = said("app")
    assert edits(text) == ["BUILD"]
    assert "your last build read /elsewhere/qemu, too: add what it needs to the repository" in text
    assert "SDKCONFIG_DEFAULTS=sdkconfig.defaults merge-bin" in settings(tmp_path / "app")[0]


def test_a_project_in_a_subfolder(tmp_path: Path, said: Said) -> None:
    """GitHub reads workflows at the repository's root, whichever folder is named."""
    git(tmp_path, "init", "-q", "-b", "main")
    idf_project(tmp_path / "firmware")
    (tmp_path / "espbench.toml").write_text("[firmware]\n")
    image(tmp_path / "firmware" / "build" / "merged-binary.bin")
    expected = (
        "idf.py -C firmware -D IDF_TARGET=esp32 merge-bin",
        "firmware/build/merged-binary.bin",
    )
    for named in (".", "firmware"):
        text = said(named)
        assert f"{tmp_path}/.github/workflows/espbench.yml\n" in text
        assert f"\n  cd {tmp_path}\n  {expected[0]}\n" in text
        assert settings(tmp_path) == expected
        assert written(tmp_path)["env"]["OPTIONS"] == "--profile espbench.toml"
        shutil.rmtree(tmp_path / ".github")
    idf_project(tmp_path / "second")
    (tmp_path / "firmware" / "build" / "merged-binary.bin").unlink()
    assert f"name {tmp_path}/firmware or {tmp_path}/second instead." in said(status=1)


def test_micropython(tmp_path: Path, said: Said) -> None:
    """In MicroPython's sources, make builds the board that was built last, as it was built."""
    port = tmp_path / "ports" / "esp32"
    micropython_port(port)
    (tmp_path / "boards" / "MINE").mkdir(parents=True)
    build = port / "build-MINE"
    image(build / "firmware.bin", start=0x1000)
    cmake_cache(
        build,
        port,
        IDF_TARGET="esp32",
        MICROPY_BOARD="MINE",
        MICROPY_BOARD_DIR=f"{tmp_path}/boards/MINE",
        USER_C_MODULES=f"{tmp_path}/modules/micropython.cmake",
    )
    (build / "sdkconfig").write_text(header("5.5.0"))
    text = said()
    assert edits(text) == []
    command = (
        'make -C ports/esp32 BOARD=MINE BOARD_DIR="$PWD/boards/MINE" '
        'USER_C_MODULES="$PWD/modules/micropython.cmake"'
    )
    assert settings(tmp_path) == (command, "ports/esp32/build-MINE/firmware.bin")
    assert "Found MicroPython's esp32 port with the board MINE." in text
    assert written(tmp_path)["jobs"]["espbench"]["container"] == "espressif/idf:v5.5"
    assert is_valid(tmp_path)


@pytest.mark.parametrize(
    ("variables", "folder", "command"),
    [
        ({"MICROPY_BOARD_VARIANT": "D2WD"}, "build-ESP32_GENERIC-D2WD", "BOARD_VARIANT=D2WD"),
        ({}, "build-mine", "BUILD=build-mine"),
        (None, "build-ESP32_GENERIC", ""),
    ],
    ids=["variant", "folder", "only an image"],
)
def test_micropython_builds(
    variables: dict[str, str] | None, folder: str, command: str, tmp_path: Path, said: Said
) -> None:
    """In the port itself, the board's variant and the build folder are those of the last build."""
    micropython_port(tmp_path)
    image(tmp_path / folder / "firmware.bin", start=0x1000)
    if variables is not None:
        made = {"IDF_TARGET": "esp32", "MICROPY_BOARD": "ESP32_GENERIC", **variables}
        cmake_cache(tmp_path / folder, tmp_path, **made)
    assert edits(said()) == []
    expected = f"make BOARD=ESP32_GENERIC {command}".strip()
    assert settings(tmp_path) == (expected, f"{folder}/firmware.bin")


def test_micropython_before_its_first_build(tmp_path: Path, said: Said) -> None:
    """A board that nothing shows has to be named by the user."""
    micropython_port(tmp_path)
    text = said(".", "--board", "esp32c3")
    assert edits(text) == ["BUILD"]
    assert "no build shows your board: is it ESP32_GENERIC_C3?" in text


@pytest.mark.parametrize(
    "folder",
    [
        *("", "build/", "build/debug/", "build-esp32/", "build_qemu/", "out/", "out/esp32/"),
        *("build-ESP32_GENERIC/", "dist/", "firmware/", ".pio/build/esp32dev/"),
    ],
)
@pytest.mark.parametrize("start", [0, 0x1000])
def test_where_an_image_may_be(folder: str, start: int, tmp_path: Path, said: Said) -> None:
    """An image is found in all usual build folders, also one that begins with the bootloader."""
    image(tmp_path / f"{folder}app.bin", start=start)
    (tmp_path / f"{folder}other.bin").write_bytes(b"\xe9" + bytes(0x9000))
    text = said()
    assert f"Found the merged image {folder}app.bin." in text
    assert settings(tmp_path)[1] == f"{folder}app.bin"


def test_a_prebuilt_image(tmp_path: Path, said: Said) -> None:
    """BUILD makes nothing, and fails unless git has the image; the user is asked until it has."""
    git(tmp_path, "init", "-q", "-b", "trunk")
    image(tmp_path / "out" / "app.bin")
    text = said()
    assert "no ELF file" not in text
    assert settings(tmp_path) == ("ls out/app.bin out/app.elf", "out/app.bin")
    assert "--baseline ci/check.toml --update\nEdit these lines" in text, "nothing to build here"
    assert edits(text) == ["BUILD"]
    assert (
        "write the command that makes out/app.bin here, or add out/app.bin and out/app.elf to the "
        "repository\n"
    ) in text
    git(tmp_path, "add", "out")
    text = said()
    assert edits(text) == []
    assert "nothing is built, because git has out/app.bin and out/app.elf\n" in text
    assert is_valid(tmp_path)
    subprocess.run(written(tmp_path)["env"]["BUILD"], shell=True, cwd=tmp_path, check=True)


def test_a_prebuilt_image_without_symbols(tmp_path: Path, said: Said) -> None:
    """It is said what the ELF file is good for."""
    image(tmp_path / "app.bin", elf=False)
    assert "no ELF file is beside it: with the one that the build made, reports decode" in said()


def test_several_images(tmp_path: Path, said: Said) -> None:
    """The one with an ELF file is taken, the others are named, and --board chooses among chips."""
    image(tmp_path / "app.bin", elf=False)
    image(tmp_path / "build-esp32" / "app.bin")
    image(tmp_path / "build-esp32c3" / "app.bin", "esp32c3")
    image(tmp_path / "build-esp32c6" / "app.bin", "esp32c6")
    text = said()
    assert settings(tmp_path)[1] == "build-esp32/app.bin"
    assert "one of several images, besides build-esp32c3/app.bin and app.bin\n" in text
    shutil.rmtree(tmp_path / ".github")
    said(".", "--board", "esp32c3")
    assert settings(tmp_path)[1] == "build-esp32c3/app.bin"


def test_a_build_folder(tmp_path: Path, said: Said) -> None:
    """A build folder of ESP-IDF is an image, too, even without its project."""
    folder = tmp_path / "out"
    folder.mkdir()
    arguments = {"extra_esptool_args": {"chip": "esp32"}}
    (folder / "flasher_args.json").write_text(json.dumps(arguments))
    image(folder / "espbench-merged.bin")
    assert "Found ESP-IDF's build folder out." in said()
    assert settings(tmp_path) == ("ls out", "out")


@pytest.mark.parametrize(
    ("commands", "branch"),
    [
        ([("checkout", "-q", "-b", "topic")], "main"),
        ([("branch", "-q", "-m", "trunk")], "trunk"),
        ([("branch", "-q", "-m", "release/1.0")], "release/1.0"),
        ([("branch", "-q", "-m", "on")], "on"),
        (
            [
                ("remote", "add", "origin", "https://github.com/me/app"),
                ("update-ref", "refs/remotes/origin/develop", "HEAD"),
                ("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop"),
            ],
            "develop",
        ),
    ],
    ids=["on a topic branch", "another name", "a slash", "a word of YAML", "cloned"],
)
def test_the_default_branch(
    commands: list[tuple[str, ...]], branch: str, tmp_path: Path, said: Said
) -> None:
    """The workflow runs for the default branch, which git knows."""
    git(tmp_path, "init", "-q", "-b", "main")
    idf_project(tmp_path)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    for command in commands:
        git(tmp_path, *command)
    assert "the repository's default branch\n" in said()
    # PyYAML reads the key `on` as true, as YAML 1.1 says.
    on = written(tmp_path)[True]  # type: ignore[index]
    assert on["push"]["branches"] == [branch]
