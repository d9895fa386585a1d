# SPDX-License-Identifier: MIT
"""Smoke tests for any firmware: boot, serve, and boot again. `pytest --espbench` runs these.

They need neither the control channel nor /hello, which only espbench's own firmware has. With the
firmware's ELF file, they also look into it from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from espbench.certs import Recipe
from espbench.clients import UNVERIFIED, ClientTimeout, ConnectionEnded, Endpoint, Endpoints
from espbench.device.device import Device
from espbench.errors import NotInspectable
from espbench.plugin.settings import named_firmware, promised_schemes

REQUESTS = 5
BACK = 10.0
"""Seconds (scaled) after which a request's memory must be free again."""


@pytest.fixture(scope="module")
def own(pytestconfig: pytest.Config) -> bool:
    """Return whether the firmware is espbench's own."""
    return named_firmware(pytestconfig) is None


@pytest.fixture(scope="module")
def shared_device_options(own: bool, recipe: Recipe) -> Mapping[str, Any]:
    """Return a certificate for espbench's own firmware; other firmware brings its own."""
    return {"files": recipe.on_device()} if own else {}


@pytest.fixture(autouse=True)
def check_no_leak() -> None:
    """Replace the other suites' leak check, which needs the control channel."""


def test_boots(shared_device: Device) -> None:
    """It boots at the first attempt, and stays up."""
    assert shared_device.running
    assert shared_device.panicked() is None
    assert max(shared_device.boots, len(shared_device.resets)) <= 1, "it booted more than once"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_serves(scheme: str, shared_device: Device, own: bool, pytestconfig: pytest.Config) -> None:
    """It answers a request on each promised port; any HTTP status will do."""
    port = shared_device.board.ports.get(scheme)
    if port is None:
        pytest.skip(f"the firmware has no {scheme}")
    promised = own or scheme in promised_schemes(pytestconfig)
    tls = UNVERIFIED if scheme == "https" else None
    try:
        answer = Endpoint(shared_device.port(port), tls, timeout=10 if promised else 2).get("/")
    except (ConnectionEnded, ClientTimeout) as error:
        if promised:
            raise
        pytest.skip(
            f"the firmware does not answer on port {port}: to require an answer, pass "
            f"--espbench-ports {scheme}={port} ({error})"
        )
    assert 100 <= answer.status <= 599


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_requests_leave_nothing(scheme: str, shared_device: Device) -> None:
    """Requests free all memory that they take, whatever they are answered with."""
    readable(shared_device)
    port = shared_device.board.ports.get(scheme)
    if port not in {each.port for each in shared_device.listeners()}:
        pytest.skip(f"nothing listens on a port for {scheme}")
    tls = UNVERIFIED if scheme == "https" else None
    endpoint = Endpoint(shared_device.port(port), tls, timeout=10)
    endpoint.get("/")  # the first one also allocates what stays
    before = shared_device.memory.at_rest()
    for _ in range(REQUESTS):
        endpoint.get("/")
    # A leak is at least a block a request. Single blocks may be others', such as lwIP's timers.
    shared_device.settle(BACK, free=0, blocks=before.blocks + REQUESTS - 1)


def test_stacks(shared_device: Device) -> None:
    """No task has ever used its whole stack."""
    readable(shared_device)
    full = [task.name for task in shared_device.tasks() if task.stack_low_water == 0]
    assert not full, f"no byte was left on the stack of {', '.join(full)}"


def readable(device: Device) -> None:
    """Skip the test, with the reason, if the firmware cannot be looked into."""
    try:
        device.heaps()
    except NotInspectable as error:
        pytest.skip(str(error))


def test_serves_what_it_should(own: bool, request: pytest.FixtureRequest) -> None:
    """It serves the same page over HTTP and HTTPS, and an echo over WS and WSS."""
    if not own:
        pytest.skip("needs espbench's own firmware")
    endpoints: Endpoints = request.getfixturevalue("endpoints")
    for scheme in ("http", "https"):
        assert endpoints[scheme].get("/hello").text == "hello\n"
        with endpoints[scheme].websocket("/ws") as socket:
            socket.send("over and back")
            assert socket.receive() == "over and back"


def test_comes_up_again(shared_device: Device) -> None:
    """After a hardware reset it becomes ready again."""
    shared_device.reset(hard=True)
    assert shared_device.panicked() is None
