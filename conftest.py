# SPDX-License-Identifier: MIT
"""Fixtures that scenarios share, for the harness's tests too: a certificate, and clients for it.

The board is the option `--espbench-board`, else `espbench_board` in pyproject.toml.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
from espbench.certs import Recipe, recipes
from espbench.clients import Endpoints, Tls
from espbench.device.device import Device


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that espbench's plugin does not have."""
    config.addinivalue_line(
        "markers",
        "failures(*causes): failures that the scenario provokes; any other cause that the device "
        "counts fails it",
    )


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    """Return the recipe that the device starts with: P-256, the quickest handshake."""
    return recipes()["p256"]


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Device:
    """Return the device of this test: its own if it asks for one, else the module's."""
    own = "device" in request.fixturenames
    device: Device = request.getfixturevalue("device" if own else "shared_device")
    return device


@pytest.fixture
def endpoints(bench: Device, recipe: Recipe) -> Endpoints:
    """Return the device's endpoints, for clients that verify its certificate."""
    return Endpoints(bench, Tls(trust=recipe.trust, secrets=bench.tls_secrets))


@pytest.fixture
def doors(endpoints: Endpoints) -> Endpoints:
    """Return the same by the fixture's former name."""
    said = "The fixture doors is called endpoints now; the old name goes after 0.1."
    warnings.warn(said, DeprecationWarning, stacklevel=1)
    return endpoints


@pytest.fixture
def serves(bench: Device, endpoints: Endpoints) -> Callable[..., None]:
    """Return a function that asserts that the device serves HTTP, and HTTPS where it runs."""

    def check(tls: bool = True) -> None:
        assert endpoints.http.get("/hello").text == "hello\n"
        if tls and bench.eval("__import__('httpserver').https_running()"):
            assert endpoints.https.get("/hello").text == "hello\n"

    return check
