# SPDX-License-Identifier: MIT
"""The QEMU that has the board's machine is found among programs of the same name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from espbench.boards.builtin import BOARDS, LX60
from espbench.errors import QemuCannotStart, QemuNotFound
from espbench.qemu.discovery import candidates, find_qemu, install, machines, machines_of
from espbench.util import idf_tools
from espbench.util.idf_tools import version_key

ESP32 = BOARDS["esp32"]
STOCK, FORK = "lx60-nommu  lx60 noMMU", "esp32  Espressif ESP32 machine"


def program(folder: Path, machine: str, name: str = "qemu-system-xtensa") -> str:
    """Write a fake QEMU that lists one machine, and logs each run."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(
        f"#!/bin/sh\necho asked >>{folder}/asked\n"
        f"echo 'Supported machines are:'\necho '{machine}'\n"
    )
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder for a home, two folders on PATH, and ESP-IDF's tools, all still empty."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tmp_path}/a:{tmp_path}/b:/no/such")
    monkeypatch.setenv("IDF_TOOLS_PATH", str(tmp_path / "tools"))
    monkeypatch.delenv("IDF_PATH", raising=False)
    monkeypatch.setattr(idf_tools, "USUAL_PLACES", ("~/esp/esp-idf",))
    return tmp_path


def installed(tools: Path, version: str, machine: str = FORK) -> str:
    """Install a QEMU in the same place as idf_tools.py."""
    return program(tools / "tools" / "qemu-xtensa" / version / "qemu" / "bin", machine)


def test_first_with_the_machine(here: Path) -> None:
    """A stock QEMU first on PATH is skipped for a board that needs the fork."""
    stock, fork = program(here / "a", STOCK), program(here / "b", FORK)
    assert find_qemu(ESP32) == fork
    assert find_qemu(LX60) == stock


def test_fork_before_the_stock_one(here: Path) -> None:
    """A fork first on PATH is skipped for a board that needs stock QEMU."""
    program(here / "a", FORK)
    stock = program(here / "b", STOCK)
    assert find_qemu(LX60) == stock


def test_fork_with_the_stock_machine(here: Path) -> None:
    """A fork that also has the default board's machine is used only if there is no other."""
    fork = program(here / "a", f"{STOCK}'\necho '{FORK}")
    assert find_qemu(LX60) == fork
    stock = program(here / "b", STOCK)
    assert find_qemu(LX60) == stock
    assert find_qemu(ESP32) == fork


def test_only_one_is_not_asked(here: Path) -> None:
    """A single QEMU is not queried at a boot of the default board."""
    only = program(here / "a", STOCK)
    assert find_qemu(LX60) == only
    assert not (here / "a" / "asked").exists()


def test_one_program_by_two_names(here: Path) -> None:
    """A program that is reached through two folders is one candidate."""
    only = program(here / "a", STOCK)
    (here / "b").symlink_to(here / "a")
    assert candidates(LX60, os.environ) == [only]


def test_tools_of_esp_idf(here: Path) -> None:
    """The newest version comes first, and IDF_TOOLS_PATH before the default folder."""
    old = installed(here / "tools", "esp_develop_9.0.0_20240606")
    default = installed(here / "home" / ".espressif", "esp_develop_10.0.0_20270101")
    new = installed(here / "tools", "esp_develop_9.2.2_20260417")
    on_path = program(here / "b", STOCK)
    assert candidates(ESP32, os.environ) == [on_path, new, old, default]
    assert find_qemu(ESP32) == new
    assert candidates(LX60, os.environ) == [on_path]


def test_asked_once(here: Path) -> None:
    """A program is queried once, and again after it changed."""
    path = program(here / "a", FORK)
    assert machines_of(path) == machines_of(path) == {"esp32"}
    assert (here / "a" / "asked").read_text() == "asked\n"
    program(here / "a", STOCK)
    os.utime(path, ns=(1, 1))
    assert machines_of(path) == {"lx60-nommu"}
    assert machines_of(str(here / "none")) == frozenset()


def test_programs_that_do_not_say(here: Path) -> None:
    """A broken program has no machines, but is still used for the default board."""
    path = here / "a" / "qemu-system-xtensa"
    path.parent.mkdir()
    path.write_bytes(b"\x7fELF no program")
    path.chmod(0o755)
    assert machines_of(str(path)) == frozenset()
    fork = program(here / "b", FORK)
    assert find_qemu(ESP32) == fork
    assert find_qemu(LX60) == str(path)


def test_none(here: Path) -> None:
    """Without the fork, the error has the command that installs it."""
    sentence = (
        "Board esp32 needs Espressif's qemu-system-xtensa with the machine esp32, which is not on "
        "PATH or among ESP-IDF's tools{}: install it with `espbench setup --board esp32 "
        "--qemu-only`, or work in Espressif's container image with `docker compose run --rm shell`."
    )
    with pytest.raises(QemuNotFound) as caught:
        find_qemu(ESP32)
    assert str(caught.value) == sentence.format("")
    stock = program(here / "a", STOCK)
    with pytest.raises(QemuNotFound) as caught:
        find_qemu(ESP32)
    assert str(caught.value) == sentence.format(f" ({stock} has no such machine)")


def broken(folder: Path, text: str) -> str:
    """Write a QEMU that cannot start."""
    path = Path(program(folder, ""))
    path.write_text(f"#!/bin/sh\necho '{text}' >&2\nexit 127\n")
    return str(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "qemu: error while loading shared libraries: libslirp.so.0: cannot open shared object "
            "file: No such file or directory",
            "{} cannot start, because the shared library libslirp.so.0 is missing: install it with "
            "`apt-get install --no-install-recommends libgcrypt20 libglib2.0-0 libpixman-1-0 "
            "libsdl2-2.0-0 libslirp0`.",
        ),
        (
            "qemu: error while loading shared libraries: libodd.so.1: cannot open shared object "
            "file: No such file or directory",
            "{} cannot start, because the shared library libodd.so.1 is missing: install the "
            "Debian package that has libodd.so.1.",
        ),
        (
            "qemu: /lib/libc.so.6: version `GLIBC_2.99 not found (required by qemu)",
            "{} cannot start (qemu: /lib/libc.so.6: version `GLIBC_2.99 not found (required by "
            "qemu)): install it again with `{}`.",
        ),
        ("", "{} cannot start (it ends with exit status 127): install it again with `{}`."),
    ],
)
def test_one_that_cannot_start(here: Path, text: str, sentence: str) -> None:
    """A fork that cannot start is not reported as one that lacks the machine."""
    program(here / "a", STOCK)
    path = broken(here / "b", text)
    with pytest.raises(QemuCannotStart) as caught:
        find_qemu(ESP32)
    assert str(caught.value) == sentence.format(path, install(ESP32))
    fork = installed(here / "tools", "esp_develop_9.2.2_20260417")
    assert find_qemu(ESP32) == fork


def test_none_for_the_default_board(here: Path) -> None:
    """Without stock QEMU, the error names Debian's package."""
    with pytest.raises(QemuNotFound) as caught:
        find_qemu(LX60)
    assert str(caught.value) == (
        "Board lx60 needs qemu-system-xtensa, which is not installed: install it with apt-get "
        "install --no-install-recommends qemu-system-misc."
    )
    forks = [program(here / name, FORK) for name in "ab"]
    with pytest.raises(QemuNotFound) as caught:
        find_qemu(LX60)
    assert str(caught.value) == (
        f"No installed qemu-system-xtensa ({', '.join(forks)}) has the machine lx60-nommu of board "
        "lx60: install one with apt-get install --no-install-recommends qemu-system-misc."
    )


def test_machines() -> None:
    """Machines are parsed from QEMU's list."""
    text = "Supported machines are:\nkc705   kc705 EVB\nlx60-nommu  lx60 noMMU (dc232b)\n"
    assert machines(text) == {"kc705", "lx60-nommu"}


def test_versions_sort_by_number() -> None:
    """Version 10 sorts after version 9."""
    assert version_key("esp_develop_10.0.0_1") > version_key("esp_develop_9.2.2_20260417")
