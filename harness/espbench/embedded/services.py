# SPDX-License-Identifier: MIT
"""The services of pytest-embedded that a session requests.

Every pytest session in an environment with espbench imports this module, so it imports only pytest.
"""

from __future__ import annotations

import pytest

__all__ = ["DUTS", "SERVICE", "SUITES", "in_qemu", "services", "wanted"]

DUTS = frozenset({"dut", "qemu"})
"""The fixtures of pytest-embedded that espbench provides."""
MAXREAD = 1 << 20
"""Bytes that `expect` reads at a time; pytest-embedded's 2000 would split lines."""
SERVICE = "qemu"
"""The service of pytest-embedded whose duts run on espbench's machines."""


SUITES = "idf,qemu"
"""The services of espbench's own suites."""
KNOWN = frozenset({"base", "idf", "nuttx", SERVICE})
"""The services whose duts have no output but QEMU's."""


def in_qemu(chosen: object) -> bool:
    """Return whether a dut is in QEMU and has no output but QEMU's.

    Args:
        chosen: value of pytest-embedded's fixture `_services`, a tuple for several duts.
    """
    return isinstance(chosen, list) and SERVICE in chosen and KNOWN.issuperset(chosen)


def services(config: pytest.Config) -> str | None:
    """Return `--embedded-services`, or None if pytest-embedded is not loaded."""
    if not hasattr(config.option, "embedded_services"):
        return None
    return config.option.embedded_services or ""


def wanted(text: str) -> bool:
    """Return whether services of pytest-embedded include the one that espbench provides."""
    return SERVICE in (service.strip() for service in text.replace("|", ",").split(","))
