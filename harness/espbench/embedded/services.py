# SPDX-License-Identifier: MIT
"""The services of pytest-embedded that a session asks for.

Each session of a project imports this, so it imports nothing but pytest.
"""

from __future__ import annotations

import pytest

__all__ = ["SERVICE", "services", "wanted"]

SERVICE = "qemu"
"""The service of pytest-embedded whose duts are espbench's machines."""


def services(config: pytest.Config) -> str | None:
    """Return `--embedded-services`, or None when pytest-embedded is not there."""
    if not hasattr(config.option, "embedded_services"):
        return None
    return config.option.embedded_services or ""


def wanted(text: str) -> bool:
    """Return whether services of pytest-embedded include the one that espbench provides."""
    return SERVICE in (service.strip() for service in text.replace("|", ",").split(","))
