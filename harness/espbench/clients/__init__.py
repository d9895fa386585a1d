# SPDX-License-Identifier: MIT
"""Clients for a device's servers: HTTP, TLS, WebSocket, WebREPL.

Each call has a deadline and raises a `ClientError` whose message is a sentence.

>>> from espbench.clients import Target, Tls
>>> https = Target(device.port(443), Tls(trust=root_pem))
>>> https.get("/").status
200
"""

from __future__ import annotations

from espbench.clients.concurrent import Outcome, together
from espbench.clients.endpoint import Target
from espbench.clients.endpoints import Doors
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
from espbench.clients.websocket import Closed, Frame, WebSocket, WellBehaved, well_behaved

__all__ = [
    "UNVERIFIED",
    "ByteStream",
    "ClientError",
    "ClientTimeout",
    "Closed",
    "ConnectionEnded",
    "Doors",
    "Frame",
    "HttpConnection",
    "HttpError",
    "Outcome",
    "Record",
    "Response",
    "Step",
    "Stream",
    "Target",
    "Tls",
    "TlsError",
    "TlsSteps",
    "TlsStream",
    "WebRepl",
    "WebReplError",
    "WebSocket",
    "WebSocketError",
    "WellBehaved",
    "chunked",
    "encode_request",
    "records",
    "together",
    "well_behaved",
]
