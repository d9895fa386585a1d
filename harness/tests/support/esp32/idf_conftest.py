# SPDX-License-Identifier: MIT
"""The parts of ESP-IDF's conftest.py that its tests need, for a project outside of its tree.

The tests find their build folders by target and configuration, use markers that name their test
environments, and import `common_test_methods`. ESP-IDF's own conftest.py also needs the packages of
its CI.
"""

import os
import sys

import pytest
from pytest_embedded.plugin import multi_dut_argument, multi_dut_fixture

sys.path.append(os.path.join(os.environ["IDF_PATH"], "tools", "ci", "python_packages"))  # noqa: PTH118

MARKERS = ("esp32", "esp32c3", "esp32s3", "wifi_router")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    for name in MARKERS:
        config.addinivalue_line("markers", f"{name}: of ESP-IDF")


@pytest.fixture
@multi_dut_argument  # type: ignore[untyped-decorator]
def config(request: pytest.FixtureRequest) -> str:
    """Return the name after `sdkconfig.ci.`."""
    return getattr(request, "param", None) or "default"


@pytest.fixture
@multi_dut_fixture  # type: ignore[untyped-decorator]
def build_dir(target: str, config: str) -> str:
    """Return the build folder that was passed to `idf.py -B`."""
    return f"build_{target}_{config}"
