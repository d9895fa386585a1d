# SPDX-License-Identifier: MIT
"""Fixtures that scenarios share, for the harness's tests too: a certificate, and clients for it.

The board is the option `--espbench-board`, else `espbench_board` in pyproject.toml.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from espbench.certs import Recipe, recipes
from espbench.clients import Doors, Tls
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
def doors(bench: Device, recipe: Recipe) -> Doors:
    """Return all the ways in to the device, for clients that verify it."""
    return Doors(bench, Tls(trust=recipe.trust, secrets=bench.tls_secrets))


@pytest.fixture
def serves(bench: Device, doors: Doors) -> Callable[..., None]:
    """Return a function that asserts that the device serves HTTP, and HTTPS where it runs."""

    def check(tls: bool = True) -> None:
        assert doors.http.get("/hello").text == "hello\n"
        if tls and bench.eval("__import__('httpserver').https_running()"):
            assert doors.https.get("/hello").text == "hello\n"

    return check
