# SPDX-License-Identifier: MIT
"""The versions of pytest-embedded that espbench accepts."""

from __future__ import annotations

import pytest
from espbench.embedded import compat as fit


def misfit(**versions: str) -> str:
    """Return the complaint about these versions; other packages have a compatible one."""
    return fit.misfit(version_of=lambda name: versions.get(name.replace("-", "_"), "2.9.3"))


def test_the_ranges_are_those_of_the_package() -> None:
    """The accepted versions are those that pip installs with espbench."""
    listed = {requirement.name: str(requirement.specifier) for requirement in fit.wanted()}
    assert listed == {
        "pytest-embedded": "~=2.9",
        "pytest-embedded-idf": "~=2.9",
        "pytest-embedded-qemu": "~=2.9",
    }


@pytest.mark.parametrize("version", ["2.9", "2.9.3", "2.10.1rc1", "2.11.0"])
def test_versions_that_fit(version: str) -> None:
    """The supported versions and later compatible ones are accepted."""
    assert misfit(pytest_embedded_qemu=version) == ""


@pytest.mark.parametrize("version", ["1.16.2", "2.8.1", "3.0.0", "2.9.dev1"])
@pytest.mark.parametrize("name", ["pytest-embedded", "pytest-embedded-idf", "pytest-embedded-qemu"])
def test_versions_that_do_not_fit(name: str, version: str) -> None:
    """The error for an older or newer version names it and the version to install."""
    assert misfit(**{name.replace("-", "_"): version}) == (
        f"{name} {version} does not work with this espbench, which needs ~=2.9: install that with "
        f"`pip install '{name}~=2.9'`, or use pytest-embedded's own QEMU with "
        "--espbench-dut=off."
    )


def test_not_installed() -> None:
    """A missing pytest-embedded-qemu is an error; other packages may be missing."""
    absent = ("pytest-embedded-qemu",)
    assert fit.misfit(version_of=lambda name: None if name in absent else "2.9.3") == (
        "pytest-embedded-qemu is not installed, but a dut in QEMU needs it: install it with "
        "`pip install 'pytest-embedded-qemu~=2.9'`."
    )
    absent = ("pytest-embedded-idf",)
    assert fit.misfit(version_of=lambda name: None if name in absent else "2.9.3") == ""
