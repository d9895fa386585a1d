# SPDX-License-Identifier: MIT
"""Time limits for checks on servers of this host, which answer within milliseconds."""

from __future__ import annotations

import pytest
from espbench.util.timeouts import SCALE_VARIABLE

SCALE = "0.4"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten every time limit: a server with a fault lets most of them pass."""
    monkeypatch.setenv(SCALE_VARIABLE, SCALE)
