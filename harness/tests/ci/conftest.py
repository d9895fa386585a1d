# SPDX-License-Identifier: MIT
"""This tree's wheel, which all CI templates install."""

from __future__ import annotations

import pytest
from installed import Installed, install


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return this tree's wheel."""
    return install(tmp_path_factory.mktemp("ci-wheel"))
