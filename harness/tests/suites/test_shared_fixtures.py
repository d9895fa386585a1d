# SPDX-License-Identifier: MIT
"""Fixtures that scenarios share: those of the tree's conftest.py."""

from __future__ import annotations

import pytest
from espbench.clients import Endpoints
from espbench.device.device import Device


def test_endpoints(device: Device, endpoints: Endpoints) -> None:
    """They lead to the test's device."""
    assert endpoints.http.port == device.port(80)
    assert endpoints.http.get("/hello").text == "hello\n"


def test_former_name(
    shared_device: Device, endpoints: Endpoints, request: pytest.FixtureRequest
) -> None:
    """The fixture's former name returns the same object, and warns with the new name."""
    said = r"^The fixture doors is now endpoints; the old name will be removed after 0\.1\.$"
    with pytest.warns(DeprecationWarning, match=said):
        assert request.getfixturevalue("doors") is endpoints
