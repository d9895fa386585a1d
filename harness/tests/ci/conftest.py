# SPDX-License-Identifier: MIT
"""Fixture `installed`: the wheel of this tree, which all CI templates install."""

from __future__ import annotations

import pytest
from installed import Installed, install


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return an environment with the wheel of this tree."""
    return install(tmp_path_factory.mktemp("ci-wheel"))
