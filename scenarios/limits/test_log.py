# SPDX-License-Identifier: MIT
"""A flood of failures does not become a flood of lines: each takes a UART 7 ms."""

from __future__ import annotations

import re

import pytest
from espbench.clients import Endpoints
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

FLOOD = 120
LINES_PER_SECOND = 30
OMITTED = re.compile(r"^http: (\d+) more failures were not logged", re.MULTILINE)
TLS_HELLO = b"\x16\x03\x01\x00\x05"
"""The beginning of a ClientHello, which the HTTP port refuses."""


@pytest.mark.failures("tls_on_plain_http")
def test_flood(shared_device: Device, endpoints: Endpoints) -> None:
    """The first failures of a second are logged, the others are counted, and all are in stats."""
    device = shared_device
    before = len(device.console.text)
    failed = device.stats()["failures"].get("tls_on_plain_http", 0)
    began = device.ping()
    for _ in range(FLOOD):
        with endpoints.http.raw() as stream:
            stream.send(TLS_HELLO)
            stream.receive_until_end()
    seconds = (device.ping() - began) / 1_000_000
    deadline = Deadline(10)
    while True:
        text = device.console.text[before:]
        logged = len(re.findall(r"^http: .*TLS", text, re.MULTILINE))
        omitted = sum(map(int, OMITTED.findall(text)))
        if logged + omitted >= FLOOD:
            break
        assert not deadline.expired(), f"{logged} logged, {omitted} omitted of {FLOOD}"
        device.wait_for_change(0.1)
    assert logged + omitted == FLOOD
    assert logged <= LINES_PER_SECOND * (seconds + 2)  # windows begin with a failure
    assert device.stats()["failures"]["tls_on_plain_http"] == failed + FLOOD
