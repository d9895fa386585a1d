# SPDX-License-Identifier: MIT
"""Fixtures: WebREPL sessions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from espbench.clients import Endpoints, WebRepl

from .clients import PASSWORD, Opens, WebsocketClient


@pytest.fixture(params=["websocket-client", "websockets"])
def opens(request: pytest.FixtureRequest, endpoints: Endpoints) -> Opens:
    """Return a function that opens a WebSocket for a scheme, with each library in turn."""
    if request.param == "websocket-client":
        return lambda scheme: WebsocketClient(endpoints[scheme].url("/webrepl", websocket=True))
    return lambda scheme: endpoints[scheme].websockets_client("/webrepl")


@pytest.fixture
def repl(endpoints: Endpoints) -> Iterator[WebRepl]:
    """Return a session over ws."""
    with endpoints.http.websockets_client("/webrepl") as socket:
        yield WebRepl(socket, PASSWORD)
