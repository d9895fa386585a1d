# SPDX-License-Identifier: MIT
"""The services of pytest-embedded that a session asks for.

Each session of a project imports this, so it imports nothing but pytest.
"""

from __future__ import annotations

import pytest

__all__ = ["DUTS", "SERVICE", "SUITES", "in_qemu", "services", "wanted"]

DUTS = frozenset({"dut", "qemu"})
"""The fixtures of pytest-embedded that espbench provides."""
MAXREAD = 1 << 20
"""Bytes that `expect` reads at a time: with pytest-embedded's 2000, pieces end within lines."""
SERVICE = "qemu"
"""The service of pytest-embedded whose duts are espbench's machines."""


SUITES = "idf,qemu"
"""The services of espbench's own suites."""
KNOWN = frozenset({"base", "idf", "nuttx", SERVICE})
"""The services whose duts print nothing but what their QEMU prints."""


def in_qemu(chosen: object) -> bool:
    """Return whether one dut is in QEMU, and prints nothing but what that prints.

    Args:
        chosen: the value of pytest-embedded's fixture `_services`, a tuple when there are several.
    """
    return isinstance(chosen, list) and SERVICE in chosen and KNOWN.issuperset(chosen)


def services(config: pytest.Config) -> str | None:
    """Return `--embedded-services`, or None when pytest-embedded is not there."""
    if not hasattr(config.option, "embedded_services"):
        return None
    return config.option.embedded_services or ""


def wanted(text: str) -> bool:
    """Return whether services of pytest-embedded include the one that espbench provides."""
    return SERVICE in (service.strip() for service in text.replace("|", ",").split(","))
