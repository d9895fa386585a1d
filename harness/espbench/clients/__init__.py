# SPDX-License-Identifier: MIT
"""Clients for a device's servers: HTTP, TLS, WebSocket, WebREPL.

Each call has a deadline and raises a `ClientError` when it fails.

>>> from espbench.clients import Endpoint, Tls
>>> https = Endpoint(device.port(443), Tls(trust=root_pem))
>>> https.get("/").status
200
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from espbench.clients.concurrent import Outcome, run_concurrently
from espbench.clients.endpoints import Endpoint, Endpoints
from espbench.clients.errors import (
    ClientError,
    ClientTimeout,
    ConnectionEnded,
    HttpError,
    TlsError,
    WebReplError,
    WebSocketError,
)
from espbench.clients.http import HttpConnection, Response, chunked, encode_request
from espbench.clients.tcp import ByteStream, Stream
from espbench.clients.tls import UNVERIFIED, Record, Step, Tls, TlsSteps, TlsStream, records
from espbench.clients.webrepl import WebRepl
from espbench.clients.websocket import (
    Closed,
    Frame,
    RawWebSocket,
    WebsocketsClient,
    websockets_client,
)
from espbench.util.renamed import renamed

__all__ = [
    "UNVERIFIED",
    "ByteStream",
    "ClientError",
    "ClientTimeout",
    "Closed",
    "ConnectionEnded",
    "Endpoint",
    "Endpoints",
    "Frame",
    "HttpConnection",
    "HttpError",
    "Outcome",
    "RawWebSocket",
    "Record",
    "Response",
    "Step",
    "Stream",
    "Tls",
    "TlsError",
    "TlsSteps",
    "TlsStream",
    "WebRepl",
    "WebReplError",
    "WebSocketError",
    "WebsocketsClient",
    "chunked",
    "encode_request",
    "records",
    "run_concurrently",
    "websockets_client",
]

if not TYPE_CHECKING:
    __getattr__ = renamed(
        __name__,
        {
            "Doors": "Endpoints",
            "Target": "Endpoint",
            "WebSocket": "RawWebSocket",
            "WellBehaved": "WebsocketsClient",
            "together": "run_concurrently",
            "well_behaved": "websockets_client",
        },
    )
