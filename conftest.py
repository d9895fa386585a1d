# SPDX-License-Identifier: MIT
"""Fixtures shared by the scenarios and the harness's tests: a certificate, and clients for it.

The board comes from `--espbench-board`, or else from `espbench_board` in pyproject.toml.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
from espbench.certs import Recipe, recipes
from espbench.clients import Endpoints, Tls
from espbench.device.device import Device


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that espbench's plugin does not declare."""
    config.addinivalue_line(
        "markers",
        "failures(*causes): failures that the scenario provokes; if the device counts any other "
        "cause, the scenario fails",
    )


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """Return the recipe that the device starts with: P-256, which has the fastest handshake."""
    return recipes()["p256"]


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Device:
    """Return this test's device: its own if it requests `device`, else the module's."""
    own = "device" in request.fixturenames
    device: Device = request.getfixturevalue("device" if own else "shared_device")
    return device


@pytest.fixture
def endpoints(bench: Device, recipe: Recipe) -> Endpoints:
    """Return the device's endpoints; their clients verify its certificate."""
    return Endpoints(bench, Tls(trust=recipe.trust, secrets=bench.tls_secrets))


@pytest.fixture
def doors(endpoints: Endpoints) -> Endpoints:
    """Return `endpoints` under its former name."""
    message = "The fixture doors is now endpoints; the old name will be removed after 0.1."
    warnings.warn(message, DeprecationWarning, stacklevel=1)
    return endpoints


@pytest.fixture
def serves(bench: Device, endpoints: Endpoints) -> Callable[..., None]:
    """Return a function that asserts that the device serves HTTP, and HTTPS if it runs."""

    def check(tls: bool = True) -> None:
        assert endpoints.http.get("/hello").text == "hello\n"
        if tls and bench.eval("__import__('httpserver').https_running()"):
            assert endpoints.https.get("/hello").text == "hello\n"

    return check
