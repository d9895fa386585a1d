# SPDX-License-Identifier: MIT
"""The doctor finds what is missing, and says how to get it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS
from espbench.cli.main import main
from espbench.doctor import doctor
from espbench.firmware.checks import Finding
from espbench.util import idf_tools
from rich.console import Console

TREE = Path(__file__).resolve().parents[3]
LX60 = BOARDS["lx60"]


def script(folder: Path, name: str, text: str) -> None:
    """Create a program that prints a text."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{text}'\n")
    path.chmod(0o755)


def fails(folder: Path, text: str) -> None:
    """Create a QEMU that cannot start, like one whose shared libraries are missing."""
    path = folder / "qemu-system-xtensa"
    path.write_text(f"#!/bin/sh\necho '{text}' >&2\nexit 127\n")
    path.chmod(0o755)


def state(findings: list[Finding]) -> dict[str, str]:
    """Return each subject's state."""
    return {finding.subject: finding.state for finding in findings}


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder the whole PATH, hide Espressif's tools, and return the folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(idf_tools, "USUAL_PLACES", ("~/esp/esp-idf",))
    for name in ("IDF_PATH", "IDF_TOOLS_PATH", "IDF_PYTHON_ENV_PATH", "ESPBENCH_MICROPYTHON"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_nothing_there(only: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a machine without tools, one line installs them all, and the exit status is 1."""
    assert main(["doctor", "--board", "lx60"]) == 1
    shown = capsys.readouterr().out
    line = next(line for line in shown.splitlines() if line.startswith("  apt-get install"))
    assert {"util-linux", "make", "qemu-system-misc", "gcc-xtensa-lx106"} < set(line.split())


def test_the_line_is_that_of_set_up(only: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a clone, the doctor prints the same line as the set-up, so one call of apt suffices."""
    said = subprocess.run(
        [sys.executable, "tools/bootstrap/debian.py"],
        cwd=TREE,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {"qemu-system-misc", "gcc", "openssl"} < set(said.split())
    main(["doctor", "--board", "lx60"])
    assert f"\n  {said}" in capsys.readouterr().out


def test_old_qemu(only: Path) -> None:
    """A QEMU that is too old counts as missing, and the message has both versions."""
    script(only, "qemu-system-xtensa", "QEMU emulator version 5.2.0 (Debian)")
    (found,) = [f for f in doctor.examine([LX60]) if f.subject == "qemu-system-xtensa"]
    assert found.state == "missing"
    assert found.found == (
        f"{only}/qemu-system-xtensa is version 5.2.0, but board lx60 needs 7.2.0 or newer: "
        "upgrade it (apt-get install --no-install-recommends qemu-system-misc)."
    )


def test_qemu_without_the_machine(only: Path) -> None:
    """A QEMU that lacks the board's machine is not enough."""
    script(only, "qemu-system-xtensa", "QEMU emulator version 9.0.0\nnone  empty machine")
    assert state(doctor.examine([LX60]))["machine lx60-nommu"] == "missing"


def test_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lack of disk space is reported with a remedy."""
    import shutil

    usage = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    (found,) = [f for f in doctor.examine([]) if f.subject == "disk"]
    assert found.state == "missing"
    assert found.remedy == "free some space, or point ESPBENCH_CACHE at another disk"


def test_sources_come_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources that have not been fetched yet are not a problem."""
    monkeypatch.setenv("ESPBENCH_CACHE", str(tmp_path))
    (found,) = [f for f in doctor.examine([LX60]) if f.subject == "sources"]
    assert found.state == "later"
    assert found.found == (
        f"0 of 5 in {tmp_path}; building espbench's own firmware fetches 96.0 MB"
    )
    assert doctor.healthy([found])


def test_sources_of_the_boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the sources that the named board's firmware needs count."""
    monkeypatch.setenv("ESPBENCH_CACHE", str(tmp_path))
    monkeypatch.delenv("ESPBENCH_MICROPYTHON", raising=False)
    (found,) = [f for f in doctor.examine([BOARDS["esp32"]]) if f.subject == "sources"]
    assert found.found.startswith(f"0 of 2 in {tmp_path}; building espbench's own firmware fetches")
    assert "94.2 MB" not in found.found


def test_json(only: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json, the findings are JSON, and the exit status is the same."""
    assert main(["doctor", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["healthy"] is False
    keys = {"board", "subject", "state", "found", "remedy", "purpose"}
    assert keys == set(data["findings"][0])


def test_one_line_for_apt() -> None:
    """One line has each Debian package once; other remedies follow."""
    findings = [
        Finding("all", "a", "missing", "", "apt-get install --no-install-recommends one two"),
        Finding("all", "b", "missing", "", "free some space"),
        Finding("all", "c", "missing", "", "apt-get install --no-install-recommends two three"),
        Finding("all", "d", "ok", "", "apt-get install --no-install-recommends no"),
    ]
    assert doctor.remedies(findings) == [
        "apt-get install --no-install-recommends one two three",
        "free some space",
    ]


def test_paths_can_be_copied() -> None:
    """A path stays in one line, however narrow the terminal is; sentences are wrapped at words."""
    path = (
        "/home/somebody/with a space/.espressif/tools/qemu-xtensa/esp_develop_9.2.2_20260417/qemu"
    )
    why = f"{path.replace(' ', '-')} is version 5.2.0, but board lx60 needs 7.2.0 or newer."
    findings = [
        Finding("esp32", "qemu-system-xtensa", "ok", f"9.2.2 ({path})"),
        Finding("lx60", "qemu-system-xtensa", "missing", why),
    ]
    text = io.StringIO()
    doctor.show(findings, Console(file=text, width=80))
    lines = text.getvalue().splitlines()
    assert f"esp32  qemu-system-xtensa  ok       boot       9.2.2 ({path})" in lines
    at = next(number for number, line in enumerate(lines) if line.startswith("lx60"))
    wrapped = lines[at : lines.index("", at)] if "" in lines[at:] else lines[at:]
    assert len(wrapped) > 1
    assert wrapped[0].endswith(path.replace(" ", "-"))
    column = wrapped[0].index("/home")
    assert " ".join(line[column:] for line in wrapped) == why
    assert all(not line[:column].strip() for line in wrapped[1:])


def test_what_a_machine_is_ready_for() -> None:
    """The last lines say what this machine can do, with which boards."""
    here = Finding("one", "a", "ok", "here")
    findings = [
        Finding("all", "c", "ok", "here", purpose="build"),
        here,
        replace(here, board="two"),
    ]
    both = ["Ready to boot and check any image for one and two."]
    assert doctor.ready(findings) == [
        *both,
        "Ready to build espbench's own firmware for one and two.",
    ]
    ninja = Finding("two", "ninja", "optional", "not installed", purpose="build")
    assert doctor.ready([*findings, ninja]) == [
        *both,
        "Ready to build espbench's own firmware for one.",
    ]
    disk = Finding("all", "disk", "missing", "full", purpose="build")
    assert doctor.ready([*findings, disk]) == both
    setpriv = Finding("all", "setpriv", "missing", "not installed")
    assert doctor.ready([*findings, disk, setpriv]) == []


def test_optional_boards(only: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing tools for an optional board are not a problem, unless the user names the board."""
    boards = [BOARDS["esp32"]]
    assert doctor.healthy(doctor.examine(boards)) is False
    found = doctor.examine(boards, wanted=False)
    assert state(found)["ESP-IDF"] == state(found)["qemu-system-xtensa"] == "optional"
    text = io.StringIO()
    doctor.show(found, Console(file=text, width=200))
    assert (
        "To boot and check images for esp32, too (or use Espressif's container image):\n"
        "  espbench setup --board esp32 --qemu-only\n\n"
        "To build espbench's own firmware for esp32, which your own image does not need:\n"
    ) in text.getvalue()
    assert "\n  espbench setup --board esp32\n" in text.getvalue()


def test_an_image_needs_no_esp_idf(only: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With Espressif's QEMU alone, a chip's board is healthy: ESP-IDF is only needed to build."""
    listed = "QEMU emulator version 9.2.2 (esp_develop_9.2.2)\nesp32  Espressif ESP32 machine"
    script(only, "qemu-system-xtensa", listed)
    script(only, "setpriv", "")
    assert main(["doctor", "--board", "esp32"]) == 0
    shown = capsys.readouterr().out
    assert "\n\nTo build espbench's own firmware for esp32, which your own image does " in shown
    assert shown.endswith("\n\nReady to boot and check any image for esp32.\n")
    assert "To boot and" not in shown
    assert "othing is missing" not in shown
    assert main(["doctor", "--board", "esp32", "--json"]) == 0
    found = {each["subject"]: each for each in json.loads(capsys.readouterr().out)["findings"]}
    for tool in ("ESP-IDF", "make"):
        assert (found[tool]["state"], found[tool]["purpose"]) == ("optional", "build")
    (only / "qemu-system-xtensa").unlink()
    assert main(["doctor", "--board", "esp32"]) == 1
    shown = capsys.readouterr().out
    assert "Ready" not in shown
    assert "To get what is missing:\n  espbench setup --board esp32 --qemu-only\n" in shown


def test_qemu_by_esp_idf(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where ESP-IDF is installed, its own command installs QEMU, with or without export.sh."""
    (only / "my idf" / "tools").mkdir(parents=True)
    (only / "my idf" / "tools" / "idf.py").touch()
    places = (str(only / "my idf"),)
    monkeypatch.setattr(idf_tools, "USUAL_PLACES", places)
    remedy = f"python3 '{only}/my idf/tools/idf_tools.py' install qemu-xtensa"
    for path in ("", *places):
        monkeypatch.setenv("IDF_PATH", path)
        found = doctor.examine([BOARDS["esp32"]])
        (qemu,) = [each for each in found if each.subject == "qemu-system-xtensa"]
        assert qemu.remedy == remedy
        assert f"install it with `{remedy}`, or work" in qemu.found


def test_qemu_that_cannot_start(only: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A QEMU without its shared libraries is installed; what is missing are the libraries."""
    tools = only / "home" / ".espressif" / "tools" / "qemu-xtensa"
    folder = tools / "esp_develop_9.2.2_20260417" / "qemu" / "bin"
    folder.mkdir(parents=True)
    fails(
        folder,
        "qemu-system-xtensa: error while loading shared libraries: libSDL2-2.0.so.0: cannot open "
        "shared object file: No such file or directory",
    )
    script(only, "setpriv", "")
    assert main(["doctor", "--board", "esp32"]) == 1
    shown = " ".join(capsys.readouterr().out.split())
    assert "cannot start, because the shared library libSDL2-2.0.so.0 is missing" in shown
    line = "To get what is missing: apt-get install --no-install-recommends "
    wanted = shown.partition(line)[2].partition(" To build")[0].split()
    assert {"libsdl2-2.0-0", "libslirp0", "libpixman-1-0"} < set(wanted)
    assert "has no such machine" not in shown


def test_what_esp_idf_builds_with(only: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """ESP-IDF does not install CMake and Ninja on Linux, so the doctor asks Debian for them."""
    found = state(doctor.examine([BOARDS["esp32"]], wanted=False))
    assert (found["cmake"], found["ninja"]) == ("optional", "optional")
    main(["doctor", "--board", "esp32"])
    lines = capsys.readouterr().out.partition("To build")[2].splitlines()
    line = next(line for line in lines if line.startswith("  apt-get install"))
    assert {"cmake", "ninja-build"} < set(line.split())
    for program in ("cmake", "ninja"):
        script(only, program, "")
    found = state(doctor.examine([BOARDS["esp32"]], wanted=False))
    assert (found["cmake"], found["ninja"]) == ("ok", "ok")


def test_extras_are_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages of an extra are not required; espbench's own requirements are."""
    listed = ["rich>=13", 'esp-coredump>=1.12; extra == "esp"', "no-such-thing>=1"]
    monkeypatch.setattr("importlib.metadata.requires", lambda _name: listed)
    found = next(f for f in doctor.examine([]) if f.subject == "Python packages")
    assert (found.state, found.found) == ("missing", "no no-such-thing")
    monkeypatch.setattr("importlib.metadata.requires", lambda _name: listed[:2])
    found = next(f for f in doctor.examine([]) if f.subject == "Python packages")
    assert (found.state, found.found) == ("ok", "all 1 installed")


def test_one_release_of_esp_idf() -> None:
    """The doctor, the CI templates and Docker Compose name the same release of ESP-IDF."""
    for name in ("ci/README.md", "ci/espbench.yml", "ci/espbench.gitlab-ci.yml"):
        named = re.findall(r"espressif/idf:(v[\d.]+)", (TREE / name).read_text())
        assert set(named) == {idf_tools.IDF_TAG}, name
    assert f"${{ESP_IDF:-{idf_tools.IDF_TAG}}}" in (TREE / "docker-compose.yml").read_text()


def test_the_container_of_a_wheel(only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a clone has a docker-compose.yml; otherwise the command names the image itself."""
    assert idf_tools.container_shell() == "docker compose run --rm shell"
    monkeypatch.setattr(idf_tools, "CLONES_COMPOSE", only / "docker-compose.yml")
    found = [f.found for f in doctor.examine([BOARDS["esp32"]]) if "container image" in f.found]
    assert len(found) == 2, "QEMU and ESP-IDF"
    for text in found:
        assert f'-w "$PWD" espressif/idf:{idf_tools.IDF_TAG}`' in text


def test_commands_can_be_pasted(only: Path) -> None:
    """The commands for Espressif's tools need no variable that is not set, and no `python`."""
    commands = [f.remedy for f in doctor.examine([BOARDS["esp32"], BOARDS["esp32c3"]]) if f.remedy]
    assert any("espbench setup" in command for command in commands)
    for command in commands:
        assert "$" not in command
        assert not re.search(r"\bpython\b", command)
