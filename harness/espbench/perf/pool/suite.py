# SPDX-License-Identifier: MIT
"""The suite that `espbench timings --pool` runs: tests that each use and change their device."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from espbench import Device
from espbench.certs import recipes
from espbench.clients import Endpoints, Tls
from espbench.perf.pool.benchmark import TESTS, WAITED

RECIPE = recipes()["p256"]

pytestmark = pytest.mark.device(files=RECIPE.on_device())


@pytest.mark.parametrize("number", range(TESTS))
def test_serves(
    device: Device, number: int, record_property: Callable[[str, object], None]
) -> None:
    """The test's own device serves HTTP, HTTPS and WebSockets, and runs Python."""
    record_property(WAITED, waited(device))
    endpoints = Endpoints(device, Tls(trust=RECIPE.trust))
    device.exec(f"number = {number}")
    for _ in range(3):
        assert endpoints.http.get("/hello").status == 200
        assert endpoints.https.get("/hello").status == 200
    with endpoints.https.websockets_client() as websocket:
        assert websocket.echo("here") == "here"
    assert device.eval("number") == number


def waited(device: Device) -> float:
    """Return the seconds that a test waited for a whole boot, or for the rest of one."""
    for event in device.timeline:
        if event.name == "handed_over":
            return float(event.detail["test_waited"])
    ready = device.timeline.first("ready")
    assert ready is not None, "it has just become ready"
    return ready
