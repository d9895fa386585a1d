# SPDX-License-Identifier: MIT
"""Sessions of TLS 1.2 that are resumed, by ticket and by ID, and those that must not be.

A client that reconnects often, such as a browser or a home automation, pays a second of a real
chip's time for each full handshake. A resumed one needs no certificate, signature or key exchange.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest
from espbench.check.families.tls.resumption import Session, connect, context_for
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.clients import Endpoints, encode_request
from espbench.device.device import Device
from espbench.errors import ControlError
from espbench.util.timeouts import Deadline
from tlslite.api import TLSConnection
from tlslite.handshakesettings import HandshakeSettings
from tlslite.session import Session as TlsliteSession

from .start import START

SERVER = Server(443, tls=True, http=True, path="/hello", status=200)
Client = Callable[[Session | None], Session]


def client(device: Device, *, tickets: bool) -> Client:
    """Return a function that connects, offers a session to resume, and does a request."""
    subject = Subject(device, [SERVER], SERVER, None)
    context = context_for(subject, ssl.TLSVersion.TLSv1_2, tickets=tickets)
    return lambda before: connect(subject, context, before.session if before else None)


def handshakes(device: Device) -> tuple[int, int]:
    """Return the numbers of handshakes, and of resumed ones."""
    counted = device.stats()["handshakes"]
    return counted["ok"], counted["resumed"]


@pytest.mark.parametrize("tickets", [True, False], ids=["ticket", "id"])
def test_six_reconnects(
    tickets: bool, restart: Callable[[str], None], shared_device: Device
) -> None:
    """After one full handshake, six connections resume its session, and the device counts them."""
    restart(f"session_tickets={tickets}, session_ids={0 if tickets else 1}")
    connected, before = client(shared_device, tickets=tickets), handshakes(shared_device)
    first = connected(None)
    assert not first.resumed
    with shared_device.no_leak():
        for _ in range(6):
            assert connected(first).resumed
    assert handshakes(shared_device) == (before[0] + 7, before[1] + 6)


@pytest.mark.parametrize("size", [1000, 10_000])
def test_large_records(size: int, endpoints: Endpoints) -> None:
    """A resumed session takes a record that is much larger than its handshake's messages.

    ESP-IDF's dynamic buffers before v5.5 keep the buffer that they have allocated for the Finished,
    and write the record behind its end.
    """
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, 3)
    body = b"x" * size
    request = encode_request("POST", "/echo", body=body)
    session = None
    for resumed in (False, True):
        with endpoints.https.raw() as stream:
            stream.sock.settimeout(20)
            connection = TLSConnection(stream.sock)
            connection.closeSocket = False
            connection.handshakeClientCert(session=session, settings=settings)
            session = connection.session
            assert connection.resumed is resumed
            connection.write(request)
            received = b""
            while body not in received:  # in JSON
                received += bytes(connection.read(min=1, max=4096))
            connection.close()
        assert received.startswith(b"HTTP/1.1 200")


def test_tickets_are_the_default(shared_device: Device) -> None:
    """Without arguments, tickets resume sessions, which takes no memory, and IDs do not."""
    for tickets in (True, False):
        connected = client(shared_device, tickets=tickets)
        assert connected(connected(None)).resumed is tickets


def test_neither(restart: Callable[[str], None], shared_device: Device) -> None:
    """Both can be turned off: no ticket is issued, and each handshake is a full one."""
    restart("session_tickets=False")
    connected = client(shared_device, tickets=True)
    first = connected(None)
    assert first.session is not None
    assert not first.session.has_ticket
    assert not connected(first).resumed


def test_the_oldest_session_makes_room(
    restart: Callable[[str], None], shared_device: Device
) -> None:
    """With two places, the third session takes that of the first, whose client is served anyway."""
    restart("session_ids=2")
    connected = client(shared_device, tickets=False)
    sessions = [connected(None) for _ in range(3)]
    assert [connected(each).resumed for each in sessions[1:]] == [True, True]
    assert not connected(sessions[0]).resumed


@pytest.mark.parametrize("tickets", [True, False], ids=["ticket", "id"])
def test_sessions_expire(
    tickets: bool, restart: Callable[[str], None], shared_device: Device
) -> None:
    """After session_timeout_ms, at most twice as long for a ticket, a handshake is a full one."""
    restart("session_ids=1, session_timeout_ms=2000")
    connected, deadline = client(shared_device, tickets=tickets), Deadline(30)
    first = connected(None)
    assert connected(first).resumed
    while connected(first).resumed:
        assert not deadline.expired()


@pytest.mark.parametrize("tickets", [True, False], ids=["ticket", "id"])
def test_a_restart_forgets(
    tickets: bool, restart: Callable[[str], None], shared_device: Device
) -> None:
    """A server that was started again has new keys for tickets, and no sessions."""
    restart("session_ids=1")
    connected = client(shared_device, tickets=tickets)
    first = connected(None)
    restart("session_ids=2")
    assert not connected(first).resumed


@pytest.mark.parametrize("first", [True, False])
def test_extended_master_secret(
    first: bool, restart: Callable[[str], None], endpoints: Endpoints
) -> None:
    """Only sessions with it are resumed, and only for clients that offer it (RFC 7627, 5.3)."""
    restart("session_tickets=False, session_ids=2")

    def handshake(extended: bool, session: TlsliteSession | None) -> TLSConnection:
        settings = HandshakeSettings()
        settings.minVersion = settings.maxVersion = (3, 3)
        settings.useExtendedMasterSecret = extended
        with endpoints.https.raw() as stream:
            stream.sock.settimeout(20)
            connection = TLSConnection(stream.sock)
            connection.closeSocket = False
            connection.handshakeClientCert(session=session, settings=settings)
            connection.close()
        return connection

    session = handshake(first, None).session
    assert handshake(first, session).resumed is first
    assert not handshake(not first, session).resumed


@pytest.mark.failures("tls_protocol")
def test_a_fatal_alert_forgets_the_session(
    restart: Callable[[str], None], shared_device: Device, endpoints: Endpoints
) -> None:
    """A session that ended with a fatal alert is not resumed by its ID (RFC 5246, section 7.2)."""
    restart("session_tickets=False, session_ids=2")
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, 3)
    with endpoints.https.raw() as stream:
        stream.sock.settimeout(20)
        connection = TLSConnection(stream.sock)
        connection.handshakeClientCert(settings=settings)
        session = connection.session
        stream.send(b"\x17\x03\x03\x00\x40" + bytes(64))  # its MAC is wrong
        stream.wait_until_gone(10)
    with endpoints.https.raw() as stream:
        stream.sock.settimeout(20)
        again = TLSConnection(stream.sock)
        again.handshakeClientCert(session=session, settings=settings)
        assert not again.resumed
        again.close()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("session_ids=65", "session_ids must be 0 to 64"),
        ("session_timeout_ms=999", "session_timeout_ms must be 1000 to 86400000"),
    ],
)
def test_arguments_out_of_range(arguments: str, sentence: str, shared_device: Device) -> None:
    """start() raises ValueError, and the server goes on."""
    with pytest.raises(ControlError, match=sentence):
        shared_device.eval(START.format(f", {arguments}"))
