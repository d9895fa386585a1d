# SPDX-License-Identifier: MIT
"""TLS 1.2 and 1.3: what a server negotiates as it was built and started.

Firmware without TLS 1.3 has to refuse those who know nothing else with an alert that says so. With
both versions, TLS 1.3 brings a second ClientHello, other alerts, and memory that Mbed TLS keeps.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest
from espbench.check.check import CheckFailed
from espbench.check.families import all_checks
from espbench.check.families.tls.tls13 import MISSING
from espbench.check.handshake.client_hello import SUITES13, ClientHello, cut, record, usual
from espbench.check.handshake.names import TLS12, TLS13
from espbench.check.handshake.server_flight import read_flight
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.clients import Endpoints, Record, TlsError
from espbench.device.device import Device
from espbench.errors import ControlError
from espbench.util.timeouts import Deadline

from .start import START

INFO = "__import__('httpserver').info()['https']"
CHECKS = {each.name: each for each in all_checks()}
PROTOCOL_VERSION = 70
X25519 = 29
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def newest(device: Device) -> int:
    """Return the newest TLS version of the running server."""
    return int(device.eval(f"{INFO}['maximum_version']"))


@pytest.fixture
def tls13(shared_device: Device) -> None:
    """Skip the test if the firmware was built without TLS 1.3."""
    if newest(shared_device) < TLS13:
        pytest.skip("this firmware was built without TLS 1.3: espbench build --variant TLS13")


def subject(device: Device) -> Subject:
    """Return the device with its TLS server to ask."""
    server = Server(443, tls=True, http=True, path="/hello", status=200)
    return Subject(device, [server], server, None)


# -------------------------------------------------------------------- start()


@pytest.mark.failures("tls_version")
def test_tls12_alone(
    restart: Callable[[str], None], shared_device: Device, endpoints: Endpoints
) -> None:
    """A client with only TLS 1.3 gets protocol_version; one that also has TLS 1.2 is served."""
    restart(f"maximum_version={TLS12}")
    with pytest.raises(TlsError, match="protocol version"):
        endpoints.but(minimum=V13).https.get("/hello")
    shared_device.console.expect(r"no TLS version in common with the client \(TLS 1.2\)", timeout=5)
    with endpoints.https.tls_stream() as stream:
        assert stream.version == "TLSv1.2"


@pytest.mark.failures("tls_version")
def test_tls13_alone(
    tls13: None, restart: Callable[[str], None], shared_device: Device, endpoints: Endpoints
) -> None:
    """A client with only TLS 1.2 gets protocol_version; one that also has TLS 1.3 is served."""
    restart(f"minimum_version={TLS13}")
    with pytest.raises(TlsError, match="protocol version"):
        endpoints.but(maximum=V12).https.get("/hello")
    shared_device.console.expect(r"no TLS version in common with the client \(TLS 1.3\)", timeout=5)
    with endpoints.https.tls_stream() as stream:
        assert stream.version == "TLSv1.3"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("minimum_version=0x0302", "minimum_version must be TLSv1_2 or TLSv1_3"),
        ("maximum_version=13", "maximum_version must be TLSv1_2 or TLSv1_3"),
    ],
)
def test_versions_that_do_not_exist(arguments: str, sentence: str, shared_device: Device) -> None:
    """start() raises ValueError for another number, and the server goes on."""
    with pytest.raises(ControlError, match=sentence):
        shared_device.eval(START.format(f", {arguments}"))
    assert shared_device.eval(INFO)["minimum_version"] == TLS12


def test_a_build_without_tls13(shared_device: Device) -> None:
    """start() raises ValueError for TLS 1.3 if the firmware was built without it."""
    if newest(shared_device) >= TLS13:
        pytest.skip("this firmware was built with TLS 1.3")
    for name in ("minimum_version", "maximum_version"):
        with pytest.raises(ControlError, match=f"{name}: this firmware was built without TLS 1.3"):
            shared_device.eval(START.format(f", {name}={TLS13}"))


def test_versions_in_the_wrong_order(tls13: None, shared_device: Device) -> None:
    """start() raises ValueError if no version is left."""
    with pytest.raises(ControlError, match="minimum_version is above maximum_version"):
        shared_device.eval(START.format(f", minimum_version={TLS13}, maximum_version={TLS12}"))


# -------------------------------------------------------------------- TLS 1.3


def test_both_versions_side_by_side(tls13: None, endpoints: Endpoints) -> None:
    """A session of each version carries messages of a WebSocket while the other is open."""
    old, new = endpoints.but(maximum=V12).https, endpoints.but(minimum=V13).https
    with old.websocket() as first, new.websocket() as second:
        # Two sessions leave an ESP32 no block of 12 kB: see docs/reference/measurements.md.
        for size in (1, 5000, 8000):
            for socket in (first, second):
                socket.send("x" * size)
                assert socket.receive() == "x" * size


def test_the_heap_of_a_session(tls13: None, shared_device: Device, endpoints: Endpoints) -> None:
    """A session of TLS 1.3 holds no more than one of TLS 1.2 may, and frees it at its end."""
    if shared_device.board.tls_session < 2**14:
        pytest.skip("ESP-IDF's dynamic buffers, which this board's limit is for, lack TLS 1.3")
    endpoint = endpoints.but(minimum=V13).https
    endpoint.tls_stream().close()  # the first one takes memory permanently
    with shared_device.no_leak():
        for _ in range(3):
            free = shared_device.settle().free
            with endpoint.tls_stream():
                held = free - shared_device.heap_at_rest().free
                assert 0 < held <= shared_device.board.tls_session


@pytest.mark.failures("handshake_closed")
@pytest.mark.parametrize("cut_at", [1, 4, 50])
def test_a_second_hello_in_pieces(cut_at: int, tls13: None, endpoints: Endpoints) -> None:
    """It is joined like the first, also behind the change_cipher_spec for middleboxes."""
    extensions = usual(versions=(TLS13,), shares=())
    first = ClientHello(TLS12, SUITES13, extensions, session=bytes(32), random=bytes(32))
    second = ClientHello(
        TLS12, SUITES13, usual(versions=(TLS13,)), session=bytes(32), random=bytes(32)
    )
    with endpoints.https.raw() as stream:
        stream.send(first.record())
        flight = read_flight(stream, Deadline(5))
        assert flight.retry
        assert flight.group == X25519
        stream.send(record(b"\1", Record.CHANGE_CIPHER_SPEC, TLS12))
        stream.send(cut(second.record(), cut_at))
        flight = read_flight(stream, Deadline(5))
    assert flight.version == TLS13
    assert not flight.retry
    assert flight.group == X25519


@pytest.mark.failures("handshake_closed", "tls_protocol")
@pytest.mark.parametrize("name", ["tls.retry", "tls.session_id", "tls.resumption"])
def test_checks_of_tls13(name: str, tls13: None, shared_device: Device) -> None:
    """It asks for a key share, repeats session IDs, and has no tickets of TLS 1.3."""
    observed = CHECKS[name].run(subject(shared_device))
    if name == "tls.resumption":
        assert observed is not None
        assert observed.sentence.startswith("It resumes sessions by ticket.")
    else:
        assert observed is None


@pytest.mark.failures("handshake_closed", "tls_protocol")
@pytest.mark.parametrize("case", MISSING)
def test_missing_extensions(case: str, tls13: None, shared_device: Device) -> None:
    """Each gets the alert missing_extension (RFC 8446, section 9.2)."""
    assert CHECKS["tls.missing_extension"].run(subject(shared_device), case) is None


@pytest.mark.failures("handshake_closed", "tls_protocol")
def test_a_key_update_is_not_supported(tls13: None, shared_device: Device) -> None:
    """Mbed TLS 3.6 has no KeyUpdate: the session ends with an alert."""
    with pytest.raises(CheckFailed, match="the alert unexpected_message"):
        CHECKS["tls.key_update"].run(subject(shared_device))
