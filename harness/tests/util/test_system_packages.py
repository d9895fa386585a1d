# SPDX-License-Identifier: MIT
"""The command that installs packages fits the system's package manager."""

from __future__ import annotations

from pathlib import Path

import pytest
from espbench.util.system_packages import APT, OTHERS, install_command


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder on PATH, which is empty."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def add(folder: Path, *names: str) -> None:
    """Put programs into a folder."""
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("managers", "command"),
    [
        (("apt-get",), f"{APT} make qemu-system-misc"),
        (("apt-get", "dnf"), f"{APT} make qemu-system-misc"),
        ((), f"{APT} make qemu-system-misc"),
        (("dnf",), "dnf install make qemu-system-xtensa"),
        (("brew",), "brew install make qemu"),
    ],
)
def test_by_manager(programs: Path, managers: tuple[str, ...], command: str) -> None:
    """Debian's names are translated; without a known manager, the command is Debian's."""
    add(programs, *managers)
    assert install_command("make", "qemu-system-misc") == command


def test_packages_without_an_equivalent(programs: Path) -> None:
    """What another system may not have is named as Debian's package."""
    add(programs, "brew")
    assert install_command("make", "gcc-xtensa-lx106", "binutils-xtensa-lx106") == (
        "brew install make, and this system's equivalent of Debian's gcc-xtensa-lx106 and "
        "binutils-xtensa-lx106"
    )
    assert install_command("gcc-xtensa-lx106") == (
        "this system's equivalent of Debian's gcc-xtensa-lx106"
    )


def test_managers_name_what_booting_needs() -> None:
    """Each manager knows QEMU and the libraries of Espressif's."""
    from espbench.qemu.start_failure import LIBRARIES

    for manager in OTHERS:
        assert {"qemu-system-misc", *LIBRARIES.values()} <= set(manager.names)
