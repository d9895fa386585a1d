# SPDX-License-Identifier: MIT
"""`ServerFlight`: what a server answers to a ClientHello, read from its records."""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from espbench.check.answer_log import record_answer
from espbench.check.handshake.client_hello import KEY_SHARE_TYPE, VERSIONS_TYPE
from espbench.check.handshake.names import TLS13, alert_name
from espbench.clients import Endpoint
from espbench.clients.errors import ClientTimeout, ConnectionEnded
from espbench.clients.tcp import Stream
from espbench.clients.tls import Record, records
from espbench.util.timeouts import Deadline

__all__ = ["ServerFlight", "ask", "read_flight"]

ANSWER = 20.0
"""Seconds (before scaling) for a flight: a busy emulated ESP32 takes 2 s for an RSA signature."""
ATTEMPTS, PAUSE = 3, 0.3
"""How often to try, and how many seconds to wait in between, when a connection ends at once."""
AT_ONCE = 1.0
"""Seconds in which a full server ends a connection; later it had other reasons."""
SERVER_HELLO, CERTIFICATE, KEY_EXCHANGE, HELLO_DONE = 2, 11, 12, 14
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
"""The random of a HelloRetryRequest (RFC 8446, section 4.1.3)."""
NAMED_CURVE = 3


@dataclass
class ServerFlight:
    """What a server answered.

    Attributes:
        version: the version that it chose; 0 without a ServerHello.
        suite: the cipher suite that it chose.
        session: its session_id.
        compression: the compression method that it chose.
        extensions: its extensions, by type.
        retry: whether it asked for another ClientHello (HelloRetryRequest).
        certificates: the chain that it sent, each in DER; empty for TLS 1.3, where it is encrypted.
        group: the group that it chose; 0 for none.
        signature: the scheme of its ServerKeyExchange; 0 for none.
        messages: the types of its handshake messages.
        alert: level and description, if it sent one.
        end: how it ended: "" (complete), "closed", "reset", or "silent".
        other: bytes that are not TLS records.
    """

    version: int = 0
    suite: int = 0
    session: bytes = b""
    compression: int = 0
    extensions: dict[int, bytes] = field(default_factory=dict)
    retry: bool = False
    certificates: list[bytes] = field(default_factory=list)
    group: int = 0
    signature: int = 0
    messages: list[int] = field(default_factory=list)
    alert: tuple[int, int] | None = None
    end: str = ""
    other: bytes = b""

    @property
    def accepted(self) -> bool:
        """Whether there was a ServerHello."""
        return self.version != 0

    @property
    def complete(self) -> bool:
        """Whether nothing more is due from the server."""
        return HELLO_DONE in self.messages or (self.accepted and self.version >= TLS13)

    @property
    def description(self) -> int:
        """The alert's description, or -1."""
        return -1 if self.alert is None else self.alert[1]

    def how(self) -> str:
        """Return how it ended, to follow "it": "sent the alert decode_error"."""
        if self.alert is not None:
            return f"sent the alert {alert_name(self.alert[1])}"
        if self.other:
            return f"sent {len(self.other)} bytes that are not TLS ({repr(self.other[:16])[1:]})"
        if self.accepted:
            return "went on with a ServerHello"
        return {
            "closed": "closed the connection without an alert",
            "reset": "reset the connection without an alert",
            "silent": "neither answered nor closed the connection",
        }.get(self.end, "answered")

    def take(self, message_type: int, body: bytes) -> None:
        """Take a handshake message."""
        self.messages.append(message_type)
        if message_type == SERVER_HELLO:
            self._server_hello(body)
        elif message_type == CERTIFICATE:
            self.certificates = list(_certificates(body))
        elif message_type == KEY_EXCHANGE:
            self._key_exchange(body)

    def _server_hello(self, body: bytes) -> None:
        (self.version,) = struct.unpack("!H", body[:2])
        self.retry = body[2:34] == RETRY
        length = body[34]
        self.session = body[35 : 35 + length]
        rest = body[35 + length :]
        self.suite, self.compression = struct.unpack("!HB", rest[:3])
        rest = rest[5:]
        while len(rest) >= 4:
            kind, size = struct.unpack("!HH", rest[:4])
            self.extensions[kind] = rest[4 : 4 + size]
            rest = rest[4 + size :]
        if len(chosen := self.extensions.get(VERSIONS_TYPE, b"")) == 2:
            (self.version,) = struct.unpack("!H", chosen)
        if len(share := self.extensions.get(KEY_SHARE_TYPE, b"")) >= 2:
            (self.group,) = struct.unpack("!H", share[:2])

    def _key_exchange(self, body: bytes) -> None:
        if len(body) < 4 or body[0] != NAMED_CURVE:
            return  # finite-field Diffie-Hellman
        (self.group,) = struct.unpack("!H", body[1:3])
        after = 4 + body[3]
        if len(body) >= after + 2:
            (self.signature,) = struct.unpack("!H", body[after : after + 2])


def _certificates(body: bytes) -> Sequence[bytes]:
    found = []
    rest = body[3:]
    while len(rest) >= 3:
        size = int.from_bytes(rest[:3], "big")
        found.append(rest[3 : 3 + size])
        rest = rest[3 + size :]
    return found


def read_flight(stream: Stream, deadline: Deadline) -> ServerFlight:
    """Read until the server's flight is complete, an alert comes, or the connection ends."""
    flight = ServerFlight()
    received, handshake = b"", b""
    while not flight.complete and flight.alert is None:
        try:
            data = stream.receive(deadline)
        except ClientTimeout:
            flight.end = "silent"
            return flight
        except ConnectionEnded as error:
            flight.end = "reset" if error.reset else "closed"
            return flight
        if not data:
            flight.end = "closed"
            return flight
        received += data
        if received[0] not in range(20, 25) or (len(received) > 1 and received[1] != 3):
            flight.other = received
            return flight
        for each in records(received):
            received = received[len(each.raw) :]
            if each.content_type == Record.ALERT and len(each.raw) >= 7:
                flight.alert = each.alert
                if each.alert[0] == 1 and each.alert[1] not in (0, 90):
                    flight.alert = None  # a warning, such as unrecognized_name
            elif each.content_type == Record.HANDSHAKE and not flight.complete:
                handshake += each.raw[5:]
                while len(handshake) >= 4:
                    size = int.from_bytes(handshake[1:4], "big")
                    if len(handshake) < 4 + size:
                        break
                    flight.take(handshake[0], handshake[4 : 4 + size])
                    handshake = handshake[4 + size :]
    return flight


def ask(endpoint: Endpoint, sent: bytes, timeout: float = ANSWER) -> ServerFlight:
    """Send bytes on a new connection, and return what the server answers; then close it.

    A connection that ends at once, without a byte, is tried again: the server may have been full.
    """
    for attempt in range(ATTEMPTS):
        began = time.monotonic()
        flight = _ask(endpoint, sent, timeout)
        answered = flight.alert is not None or flight.accepted or flight.other
        if answered or time.monotonic() - began > AT_ONCE or attempt == ATTEMPTS - 1:
            break
        threading.Event().wait(PAUSE)
    record_answer(flight)
    return flight


def _ask(endpoint: Endpoint, sent: bytes, timeout: float) -> ServerFlight:
    with endpoint.raw() as stream:
        with contextlib.suppress(ConnectionEnded):  # the answer says why
            stream.send(sent)
        return read_flight(stream, Deadline(timeout))
