# SPDX-License-Identifier: MIT
"""Opening wss: TLS handshakes and their failures, clients that stall or leave, the upgrade.

What any server has to do is in test_conformance.py beside this file.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator

import pytest
from espbench.certs import recipes
from espbench.check.handshake.client_hello import cut, record
from espbench.check.handshake.names import TLS12
from espbench.clients import (
    ClientError,
    ClientTimeout,
    ConnectionEnded,
    Endpoint,
    Endpoints,
    Record,
    Step,
    Stream,
    Tls,
    TlsError,
    TlsSteps,
    WebSocketError,
    encode_request,
    records,
    run_concurrently,
)
from espbench.clients.websocket import upgrade_headers
from espbench.device.device import Device
from espbench.util.timeouts import timeout_scale

HANDSHAKE_TIMEOUT = 1.0 * timeout_scale()
"""Seconds, for the scenarios that wait for the time-out: the default is ten."""


@pytest.fixture
def short_timeout(shared_device: Device) -> Iterator[None]:
    """Set the device's handshake time-out to a second (scaled)."""
    start = (
        "__import__('httpserver').start(cert_file='/certs/servercert.pem', "
        "key_file='/certs/prvtkey.pem'"
    )
    milliseconds = int(HANDSHAKE_TIMEOUT * 1000)
    assert shared_device.eval(f"{start}, handshake_timeout_ms={milliseconds})") is True
    yield
    assert shared_device.eval(f"{start})") is True


def handshakes(device: Device) -> tuple[int, int]:
    """Return the numbers of handshakes that succeeded and failed."""
    counted = device.stats()["handshakes"]
    return counted["ok"], counted["failed"]


# -------------------------------------------------------------------- certificates


def test_verified_chain_and_name(shared_device: Device, endpoints: Endpoints) -> None:
    """A client that trusts the root and uses the right name opens wss; the device counts one."""
    before = handshakes(shared_device)
    with endpoints.https.websockets_client() as wss:
        assert wss.echo("verified") == "verified"
    assert handshakes(shared_device) == (before[0] + 1, before[1])


@pytest.mark.parametrize("name", ["espbench.test", "localhost", "127.0.0.1"])
def test_every_name_of_the_certificate(name: str, endpoints: Endpoints) -> None:
    """Names and the IP address of subjectAltName verify."""
    assert endpoints.but(server_name=name).https.get("/hello").status == 200


@pytest.mark.failures("tls_alert", "handshake_closed")
def test_wrong_name(endpoints: Endpoints) -> None:
    """A client that expects another name rejects the certificate."""
    with pytest.raises(TlsError, match="Hostname mismatch"):
        endpoints.but(server_name="elsewhere.test").https.websocket()


@pytest.mark.failures("tls_alert", "handshake_closed")
def test_an_untrusted_root(shared_device: Device, endpoints: Endpoints) -> None:
    """A client that trusts another root rejects the chain, and the device counts a failure."""
    before = handshakes(shared_device)
    other = recipes()["self-signed"].trust
    with pytest.raises(TlsError, match="unable to get local issuer"):
        endpoints.but(trust=other).https.websocket()
    shared_device.settle()
    assert handshakes(shared_device) == (before[0], before[1] + 1)


# -------------------------------------------------------------------- versions and ciphers


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.failures("tls_version")
def test_an_old_version_is_refused(shared_device: Device, endpoints: Endpoints) -> None:
    """A client with only TLS 1.1 gets the alert protocol_version (RFC 5246 section 7.2.2)."""
    before = handshakes(shared_device)
    version = ssl.TLSVersion.TLSv1_1
    only = Tls(verify=False, minimum=version, maximum=version, ciphers="ALL:@SECLEVEL=0")
    steps = TlsSteps(only)
    with endpoints.https.raw() as stream:
        stream.send(steps.hello)
        answer = list(records(stream.receive_until_end()))
    assert [record.content_type for record in answer] == [Record.ALERT]
    assert answer[0].alert == (2, 70)
    shared_device.settle()
    assert handshakes(shared_device) == (before[0], before[1] + 1)


@pytest.mark.parametrize(
    "cipher",
    [
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-SHA256",
        "ECDHE-ECDSA-AES256-SHA384",
    ],
)
def test_ciphers(cipher: str, endpoints: Endpoints) -> None:
    """ECDHE-ECDSA with AES works and carries data, as AEAD and as CBC."""
    endpoint = endpoints.but(ciphers=cipher, maximum=ssl.TLSVersion.TLSv1_2).https
    with endpoint.tls_stream() as stream:
        assert stream.cipher == cipher
    with endpoint.websocket() as wss:
        wss.send("x" * 5000)
        assert wss.receive() == "x" * 5000


def test_a_client_with_one_curve(endpoints: Endpoints) -> None:
    """A client that supports only P-256 is served."""
    assert endpoints.but(curve="prime256v1").https.get("/hello").status == 200


@pytest.mark.failures("tls_cipher", "tls_protocol")
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"ciphers": "AES128-SHA256"}, id="no-forward-secrecy"),
        pytest.param({"ciphers": "ECDHE-RSA-AES128-GCM-SHA256"}, id="rsa-with-an-ec-key"),
        pytest.param({"ciphers": "ECDHE-ECDSA-CHACHA20-POLY1305"}, id="chacha"),
        pytest.param({"ciphers": "ECDHE-ECDSA-ARIA128-GCM-SHA256"}, id="aria"),
        pytest.param({"curve": "secp521r1"}, id="a-curve-that-nobody-has"),
        pytest.param({"curve": "secp384r1"}, id="not-the-certificates-curve"),
    ],
)
def test_nothing_in_common(options: dict[str, str], endpoints: Endpoints) -> None:
    """A client that shares no cipher suite or curve gets handshake_failure."""
    with pytest.raises(TlsError, match="handshake failure") as caught:
        endpoints.but(maximum=ssl.TLSVersion.TLSv1_2, **options).https.get("/hello")
    assert "HANDSHAKE_FAILURE" in caught.value.reason


# -------------------------------------------------------------------- not TLS


@pytest.mark.failures("plain_http_on_tls")
def test_plain_http_sent_to_443(shared_device: Device, endpoints: Endpoints) -> None:
    """Plain HTTP on the TLS port is closed at once and reported on the console."""
    with endpoints.https.raw() as stream:
        stream.send(encode_request("GET", "/"))
        stream.wait_until_gone(5)
    shared_device.console.expect("plain HTTP on the TLS port", timeout=5)


@pytest.mark.failures("tls_on_plain_http")
def test_tls_sent_to_80(shared_device: Device, endpoints: Endpoints) -> None:
    """TLS on the plain port fails in the client, and is reported on the console."""
    plain = endpoints.http
    with pytest.raises((TlsError, ConnectionEnded)):
        Endpoint(plain.port, endpoints.tls, timeout=5).get("/")
    shared_device.console.expect("TLS on the plain HTTP port", timeout=5)


GARBAGE = {
    "zeros": bytes(100),
    "ones": b"\xff" * 100,
    "an-ssh-client": b"SSH-2.0-OpenSSH_9.2p1\r\n",
    "sslv2-hello": b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + bytes(37),
    "record-of-nothing": b"\x16\x03\x01\x00\x00",
    "record-too-long": b"\x16\x03\x01\xff\xff" + bytes(100),
    "an-alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "application-data": b"\x17\x03\x03\x00\x10" + bytes(16),
    "hello-of-garbage": b"\x16\x03\x01\x00\x2a\x01\x00\x00\x26\x03\x03" + b"\xa5" * 36,
    "hello-that-claims-too-much": b"\x16\x03\x01\x00\x09\x01\xff\xff\xff\x03\x03abc",
}


@pytest.mark.failures(
    "tls_protocol", "tls_alert", "tls_version", "plain_http_on_tls", "handshake_closed"
)
@pytest.mark.parametrize("name", list(GARBAGE))
def test_garbage(name: str, shared_device: Device, endpoints: Endpoints) -> None:
    """Anything but a ClientHello ends the connection at once and is counted."""
    before = handshakes(shared_device)
    with endpoints.https.raw() as stream:
        stream.send(GARBAGE[name])
        stream.finish()
        stream.wait_until_gone(5)
    shared_device.settle()
    assert handshakes(shared_device) == (before[0], before[1] + 1)


@pytest.mark.failures("tls_protocol", "tls_alert", "handshake_closed", "tls_version", "tls_cipher")
def test_a_hello_with_each_byte_broken(endpoints: Endpoints) -> None:
    """A ClientHello with any of its first bytes changed is either refused or served."""
    hello = TlsSteps(Tls(verify=False, maximum=ssl.TLSVersion.TLSv1_2)).hello
    for position in range(0, 80, 2):
        with endpoints.https.raw() as stream:
            damaged = bytearray(hello)
            damaged[position] ^= 0x80
            stream.send(bytes(damaged))
            stream.finish()
            stream.wait_until_gone(5)


# -------------------------------------------------------------------- clients that stall


@pytest.mark.failures("handshake_timeout")
@pytest.mark.parametrize(
    "step",
    [
        Step.CONNECTED,
        Step.HALF_A_HELLO,
        Step.HELLO_SENT,
        Step.SERVER_DONE_READ,
        Step.KEY_EXCHANGE_SENT,
        Step.HALF_A_FINISHED,
    ],
    ids=lambda step: step.name.lower(),
)
def test_silence_in_the_handshake(
    step: Step, short_timeout: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """A client that falls silent is closed after the handshake time-out; others do not wait."""
    before = shared_device.stats()["handshakes"]["timeout"]
    with endpoints.https.raw() as stream:
        began = time.monotonic()
        TlsSteps(endpoints.tls).go(stream, step)
        assert endpoints.https.get("/hello").status == 200
        assert time.monotonic() - began < HANDSHAKE_TIMEOUT
        stream.wait_until_gone(HANDSHAKE_TIMEOUT + 2)
        assert time.monotonic() - began >= HANDSHAKE_TIMEOUT * 0.9
    assert shared_device.stats()["handshakes"]["timeout"] == before + 1


@pytest.mark.failures("handshake_timeout")
def test_a_client_that_trickles(
    short_timeout: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """Sending one byte at a time does not extend the time-out, and no other client waits."""
    ended = threading.Event()
    lasted: list[float] = []

    def trickle(stream: Stream) -> None:
        began = time.monotonic()
        hello = TlsSteps(endpoints.tls).hello
        for byte in hello:
            try:
                stream.send(bytes([byte]))
                stream.receive(0.02)
                break  # the device ended it: b"" is its FIN
            except ClientTimeout:
                continue
            except ConnectionEnded:
                break
        lasted.append(time.monotonic() - began)
        ended.set()

    with endpoints.https.raw() as stream:
        thread = threading.Thread(target=trickle, args=(stream,), daemon=True)
        thread.start()
        slowest = 0.0
        while not ended.is_set():
            began = time.monotonic()
            assert endpoints.https.get("/hello").status == 200
            assert endpoints.http.get("/hello").status == 200
            slowest = max(slowest, time.monotonic() - began)
        thread.join(5)
    assert slowest < HANDSHAKE_TIMEOUT
    assert HANDSHAKE_TIMEOUT * 0.9 <= lasted[0] < HANDSHAKE_TIMEOUT + 2
    assert "handshake_timeout" in shared_device.stats()["failures"]


def test_a_record_whose_end_comes_late(shared_device: Device, endpoints: Endpoints) -> None:
    """A record is accepted however many of its last bytes arrive separately.

    Five bytes are as long as a record header: taken for one, they would often announce a record
    that is too long.
    """
    steps = TlsSteps(endpoints.tls)
    with endpoints.https.raw() as stream:
        steps.go(stream, Step.ESTABLISHED)
        for late in (1, 4, 5, 5, 5, 5, 5, 6):
            request = steps.encrypt(encode_request("GET", "/hello"))
            stream.send(request[:-late])
            shared_device.heap_at_rest()  # it has read everything so far
            stream.send(request[-late:])
            assert next(records(stream.receive())).content_type == Record.APPLICATION_DATA


PIECES = {
    "an empty piece": Record.HANDSHAKE.to_bytes() + b"\3\1\0\0",
    "application data between pieces": record(b"x", Record.APPLICATION_DATA, TLS12),
    "a ChangeCipherSpec between pieces": record(b"\1", Record.CHANGE_CIPHER_SPEC, TLS12),
}
"""What must not come between two records with one handshake message."""


@pytest.mark.failures("tls_protocol")
@pytest.mark.parametrize("name", PIECES)
@pytest.mark.parametrize("cut_at", [2, 50])
def test_interrupted_pieces(name: str, cut_at: int, endpoints: Endpoints) -> None:
    """The alert unexpected_message answers another record between the pieces of a message."""
    first = cut(TlsSteps(endpoints.tls).hello, cut_at)[: 5 + cut_at]
    with endpoints.https.raw() as stream:
        stream.send(first + PIECES[name])
        alert = next(records(stream.receive()))
    assert (alert.content_type, alert.raw[5:]) == (Record.ALERT, b"\2\x0a")


@pytest.mark.failures("tls_alert")
@pytest.mark.parametrize("cut_at", [2, 50])
def test_an_alert_between_pieces(cut_at: int, endpoints: Endpoints) -> None:
    """A client may give up between the pieces of a message."""
    first = cut(TlsSteps(endpoints.tls).hello, cut_at)[: 5 + cut_at]
    with endpoints.https.raw() as stream:
        stream.send(first + record(b"\2\x5a", Record.ALERT, TLS12))  # user_canceled
        assert stream.receive() == b""


@pytest.mark.failures("handshake_closed", "peer_reset")
@pytest.mark.parametrize("end", ["reset", "close"])
def test_leaving_between_pieces(end: str, shared_device: Device, endpoints: Endpoints) -> None:
    """The memory of an incomplete message is freed when its client leaves."""
    for cut_at in (1, 3, 4, 5, 100):
        stream = endpoints.https.raw()
        stream.send(cut(TlsSteps(endpoints.tls).hello, cut_at)[: 5 + cut_at])
        shared_device.heap_at_rest()  # it has read the first piece
        if end == "reset":
            stream.reset()
        else:
            stream.close()
    shared_device.settle()


@pytest.mark.failures("tls_protocol")
def test_an_unknown_record_in_a_session(endpoints: Endpoints) -> None:
    """An encrypted alert answers a record of an unknown type (RFC 5246, section 6)."""
    steps = TlsSteps(endpoints.tls)
    with endpoints.https.raw() as stream:
        steps.go(stream, Step.ESTABLISHED)
        stream.send(record(b"what is it?", 99, TLS12))
        assert next(records(stream.receive())).content_type == Record.ALERT


# -------------------------------------------------------------------- clients that leave


@pytest.mark.failures("handshake_closed", "peer_reset", "tls_protocol")
@pytest.mark.parametrize("end", ["reset", "close"])
def test_leaving_in_the_flight(end: str, shared_device: Device, endpoints: Endpoints) -> None:
    """A reset or close after the first bytes of the flight frees the connection's memory."""
    stream = endpoints.https.raw()
    TlsSteps(endpoints.tls).go(stream, Step.SERVER_HELLO_READ)
    if end == "reset":
        stream.reset()
    else:
        stream.close()
    assert shared_device.settle().ballast == 0


@pytest.mark.failures("handshake_closed", "peer_reset", "tls_protocol")
def test_many_that_leave_in_all_states(shared_device: Device, endpoints: Endpoints) -> None:
    """Five rounds of resets in each state leave nothing behind."""
    for _ in range(5):
        for step in Step:
            stream = endpoints.https.raw()
            TlsSteps(endpoints.tls).go(stream, step)
            stream.reset()
    shared_device.settle()


# -------------------------------------------------------------------- the upgrade


@pytest.mark.failures("ws_protocol")
@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_an_upgrade_with_a_body(scheme: str, endpoints: Endpoints) -> None:
    """An upgrade with a body is refused: a WebSocket's bytes would follow it."""
    with pytest.raises(WebSocketError) as caught:
        endpoints[scheme].websocket(headers={**upgrade_headers(), "Content-Length": "5"})
    assert caught.value.status == 400


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_unknown_path(scheme: str, endpoints: Endpoints) -> None:
    """An upgrade gets a 404 on an unknown path, and a plain response on a handler's path."""
    with pytest.raises(WebSocketError) as caught:
        endpoints[scheme].websocket("/nowhere")
    assert caught.value.status == 404
    with pytest.raises(WebSocketError) as caught:
        endpoints[scheme].websocket("/hello")
    assert caught.value.status == 200


def test_extensions_and_protocols_are_not_agreed_to(endpoints: Endpoints) -> None:
    """A browser's offer of permessage-deflate is declined, and the connection works without."""
    headers = {
        **upgrade_headers(),
        "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
        "Origin": "https://espbench.test",
    }
    with endpoints.https.websocket(headers=headers) as wss:
        assert wss.response.header("sec-websocket-extensions") is None
        wss.send("plain")
        assert wss.receive() == "plain"


# -------------------------------------------------------------------- many connections


@pytest.mark.parametrize("quarter", range(4))
def test_two_hundred_connects_and_disconnects(
    quarter: int, shared_device: Device, endpoints: Endpoints
) -> None:
    """Two hundred wss connections, in four shards of fifty, leak nothing."""
    before = handshakes(shared_device)
    free = shared_device.settle().free
    for turn in range(50):
        with endpoints.https.websocket() as wss:
            wss.send(f"{quarter} {turn}")
            assert wss.receive() == f"{quarter} {turn}"
        if turn % 25 == 24:
            shared_device.settle(free=free - 256)
    assert handshakes(shared_device) == (before[0] + 50, before[1])


def test_handshakes_at_the_same_time(shared_device: Device, endpoints: Endpoints) -> None:
    """Four interleaved handshakes all succeed, twice."""

    def client() -> str | bytes:
        with endpoints.https.websockets_client() as wss:
            return wss.echo("run_concurrently")

    for _ in range(2):
        outcomes = run_concurrently([client] * 4)
        assert [outcome.get() for outcome in outcomes] == ["run_concurrently"] * 4


@pytest.mark.failures("handshake_timeout", "handshake_closed", "refused")
def test_four_that_stall_do_not_lock_out_a_fifth(
    short_timeout: None, shared_device: Device, endpoints: Endpoints
) -> None:
    """With all connections held by silent clients, a fifth gets in within the time-out."""
    stalled = [endpoints.https.raw() for _ in range(4)]
    for stream in stalled:
        TlsSteps(endpoints.tls).go(stream, Step.HALF_A_HELLO)
    began = time.monotonic()
    while True:
        try:
            assert endpoints.https.patient(2).get("/hello").status == 200
            break
        except ClientError:
            assert time.monotonic() - began < HANDSHAKE_TIMEOUT + 2
    assert time.monotonic() - began < HANDSHAKE_TIMEOUT + 2
    for stream in stalled:
        stream.close()
