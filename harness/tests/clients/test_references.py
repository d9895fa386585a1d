# SPDX-License-Identifier: MIT
"""A failed client leaves no reference cycles, so its connection closes with its last reference.

A reference cycle would keep the socket open until the next garbage collection, and the device would
count a connection that nobody uses. The garbage collector is disabled in these tests.
"""

from __future__ import annotations

import contextlib
import gc
import socket
import ssl
import struct
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from espbench.certs import recipes
from espbench.clients import (
    ClientTimeout,
    ConnectionEnded,
    Endpoint,
    HttpError,
    Step,
    Tls,
    TlsError,
    TlsSteps,
    WebRepl,
    WebSocketError,
    run_concurrently,
    source_ports,
)
from espbench.clients.websocket import accept_of
from espbench.device.console.console import Console
from espbench.device.console.control import Control
from espbench.device.console.serial_port import SerialPort
from espbench.device.timeline import Timeline
from espbench.errors import ConsoleTimeout, ControlTimeout, EspbenchError, NotRunning, QmpError
from espbench.perf.deterministic_tls import FixedTls
from espbench.qemu.qmp import Qmp
from espbench.util.timeouts import Deadline

# These tests leave sockets unclosed on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

SHORT = 0.05
"""Seconds after which a client gives up; the server never answers, so waiting longer is useless."""
LONG = 10.0
"""Seconds within which the server ends a connection."""
ANSWERED = (ConnectionEnded, WebSocketError, TlsError)
"""Errors that a server causes by what it sends."""

Connection = socket.socket | ssl.SSLSocket


# ------------------------------------------------------------------- the server's side


def silent(connection: Connection) -> None:
    """Receive until the end, and send nothing."""
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


CONNECTED = threading.Semaphore(0)
"""Counts the clients whose connect() has returned."""


def reset(connection: Connection) -> None:
    """End the connection with a RST (SO_LINGER of 0 seconds, socket(7)).

    Wait until the client's connect() has returned, so that the reset hits a later call.
    """
    CONNECTED.acquire(timeout=LONG)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def end(connection: Connection) -> None:
    """End the connection with a FIN, below TLS if there is any."""
    socket.socket.shutdown(connection, socket.SHUT_WR)
    silent(connection)


def garbage(connection: Connection) -> None:
    """Send bytes that are invalid in every protocol, below TLS if there is any."""
    socket.socket.send(connection, b"\xff" * 64 + b"\r\n\r\n")
    silent(connection)


def refuse(connection: Connection) -> None:
    """Answer QMP's first command with an error."""
    connection.sendall(b'{"id": 1, "error": {"desc": "no"}}\n')
    silent(connection)


def nothing(connection: Connection) -> Connection:
    """Do nothing before the fault."""
    return connection


def request(connection: Connection) -> Connection:
    """Read the client's first data."""
    connection.recv(4096)
    return connection


def upgrade(connection: Connection) -> Connection:
    """Accept a WebSocket (RFC 6455 section 4.2.2)."""
    head = connection.recv(4096).decode()
    (key,) = [line[19:] for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Key: ")]
    answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    connection.sendall(f"{answer}Sec-WebSocket-Accept: {accept_of(key)}\r\n\r\n".encode())
    return connection


def handshake(connection: Connection) -> Connection:
    """Do the server's part of a TLS 1.2 handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(CERTIFICATE["chain"], CERTIFICATE["key"])
    return context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False)


CERTIFICATE: dict[str, Path] = {}


@pytest.fixture(scope="module", autouse=True)
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Write the certificate that `handshake` serves."""
    folder = tmp_path_factory.mktemp("certificate")
    recipes()["p256"].write(folder)
    CERTIFICATE.update(chain=folder / "servercert.pem", key=folder / "prvtkey.pem")
    yield
    CERTIFICATE.clear()


Greet = Callable[[Connection], Connection]
Behave = Callable[[Connection], None]


@contextlib.contextmanager
def serving(greet: Greet, behave: Behave, connections: int, timeout: float) -> Iterator[Endpoint]:
    """Serve this many connections, each in a thread; all end before the block does.

    Leaving the block proves that the client closed its end, because a silent server waits for that.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[threading.Thread] = []

        def serve(connection: Connection) -> None:
            with contextlib.suppress(OSError):
                connection = greet(connection)
                behave(connection)
            connection.close()

        def accept() -> None:
            for _ in range(connections):
                connection, _address = listener.accept()
                accepted.append(threading.Thread(target=serve, args=(connection,), daemon=True))
                accepted[-1].start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield Endpoint(listener.getsockname()[1], timeout=timeout)
        for thread in (accepting, *accepted):
            thread.join(LONG)
            assert not thread.is_alive(), "the client's connection is still open"


# ------------------------------------------------------------------- the clients


def use_stream(endpoint: Endpoint) -> None:
    """A TCP connection that waits for data."""
    endpoint.raw().receive()


def use_stream_to_its_end(endpoint: Endpoint) -> None:
    """A TCP connection that waits for the peer to close."""
    stream = endpoint.raw()
    stream.send(b"x")
    stream.receive_until_end()


def use_full_stream(endpoint: Endpoint) -> None:
    """A TCP connection whose peer stops receiving."""
    stream = endpoint.raw()
    while True:
        stream.send(bytes(1 << 20))


def use_http(endpoint: Endpoint) -> None:
    """A request on a connection that is not closed."""
    endpoint.http().get("/")


def use_tls(endpoint: Endpoint) -> None:
    """A TLS connection that waits for data, or fails in its handshake."""
    trusting = endpoint.but(trust=recipes()["p256"].trust).patient(LONG).stream()
    trusting.send(b"x")
    trusting.receive(SHORT)


def use_tls_handshake(endpoint: Endpoint) -> None:
    """A TLS handshake."""
    endpoint.but(verify=False).stream()


def use_tls_steps(endpoint: Endpoint) -> None:
    """A TLS handshake, step by step."""
    TlsSteps(Tls(verify=False)).go(endpoint.raw(), Step.ESTABLISHED)


def use_fixed_tls(endpoint: Endpoint) -> None:
    """A TLS handshake that is the same in every run."""
    FixedTls(endpoint.raw(), "seed")


def use_websocket(endpoint: Endpoint) -> None:
    """A WebSocket that waits for a message, or fails in its upgrade."""
    endpoint.websocket().receive()


def use_webrepl(endpoint: Endpoint) -> None:
    """A WebREPL session that waits for the password prompt."""
    WebRepl(endpoint.websocket("/webrepl"), "password", SHORT)


def use_websockets_client(endpoint: Endpoint) -> None:
    """A WebSocket of the `websockets` library, which has a thread that only `close` ends."""
    with endpoint.websockets_client() as websocket:
        websocket.receive()


def use_crowd(endpoint: Endpoint) -> None:
    """Two clients at once; the error of one of them is raised."""
    outcomes = run_concurrently([lambda: use_http(endpoint)] * 2)
    outcomes.pop().get()


def use_crowd_with_a_fault(endpoint: Endpoint) -> None:
    """Two clients at once that raise an error of their own code."""

    def client() -> None:
        with endpoint.http() as http:
            http.get("/")

    def wrong() -> None:
        try:
            client()
        except EspbenchError:
            raise ZeroDivisionError from None

    with contextlib.suppress(ZeroDivisionError):
        run_concurrently([wrong] * 2)
    raise HttpError("as expected")


def use_qmp(endpoint: Endpoint) -> None:
    """QEMU's monitor."""
    Qmp(source_ports.connect(endpoint.port, LONG)).execute("stop", deadline=SHORT)


def use_line(endpoint: Endpoint) -> None:
    """A serial line whose guest stops receiving."""
    line = SerialPort(lambda: None)
    line.attach(source_ports.connect(endpoint.port, LONG))
    while True:
        line.send(bytes(1 << 20), Deadline(SHORT))


def console(endpoint: Endpoint) -> Console:
    """Return a console with a running reader."""
    made = Console(
        Timeline(),
        on_record=lambda _: None,
        on_text=lambda _: None,
        faulty=lambda: False,
        fault=lambda: None,
    )
    made.attach(source_ports.connect(endpoint.port, LONG))
    return made


def use_console(endpoint: Endpoint) -> None:
    """A console, whose reader ends with the stream."""
    made = console(endpoint)
    try:
        made.expect("never", SHORT)
    finally:
        hang_up(made)


def use_control(endpoint: Endpoint) -> None:
    """The control channel on a console."""
    made = console(endpoint)
    try:
        Control(made).request("heap", timeout=SHORT)
    finally:
        hang_up(made)


def hang_up(made: Console) -> None:
    """End a console in the same way as the end of QEMU."""
    assert made._line._socket is not None
    with contextlib.suppress(OSError):
        made._line._socket.shutdown(socket.SHUT_RDWR)
    made.detach()


# ------------------------------------------------------------------- all of them


@dataclass(frozen=True)
class Case:
    """A client, the behaviour of its server, and the error that it raises."""

    use: Callable[[Endpoint], None]
    greet: Greet
    behave: Behave
    raises: type[EspbenchError]
    connections: int = 1

    def __str__(self) -> str:
        """Return the test id."""
        greeting = "" if self.greet is nothing else f"-{self.greet.__name__}"
        return f"{self.use.__name__.removeprefix('use_')}{greeting}-{self.behave.__name__}"


CASES = [
    Case(use_stream, nothing, silent, ClientTimeout),
    Case(use_stream, nothing, reset, ConnectionEnded),
    Case(use_stream_to_its_end, request, silent, ClientTimeout),
    Case(use_stream_to_its_end, request, reset, ConnectionEnded),
    Case(use_full_stream, nothing, reset, ConnectionEnded),
    Case(use_http, request, silent, ClientTimeout),
    Case(use_http, request, reset, ConnectionEnded),
    Case(use_http, request, end, ConnectionEnded),
    Case(use_http, request, garbage, HttpError),
    Case(use_tls, handshake, silent, ClientTimeout),
    Case(use_tls, handshake, reset, ConnectionEnded),
    Case(use_tls, handshake, garbage, TlsError),
    Case(use_tls_handshake, request, silent, ClientTimeout),
    Case(use_tls_handshake, request, reset, ConnectionEnded),
    Case(use_tls_handshake, request, end, ConnectionEnded),
    Case(use_tls_handshake, request, garbage, TlsError),
    Case(use_tls_steps, request, silent, ClientTimeout),
    Case(use_tls_steps, request, reset, ConnectionEnded),
    Case(use_tls_steps, request, end, ConnectionEnded),
    Case(use_tls_steps, request, garbage, TlsError),
    Case(use_fixed_tls, request, silent, ClientTimeout),
    Case(use_fixed_tls, request, reset, ConnectionEnded),
    Case(use_fixed_tls, request, end, ConnectionEnded),
    Case(use_fixed_tls, request, garbage, TlsError),
    Case(use_websocket, request, silent, ClientTimeout),
    Case(use_websocket, request, reset, ConnectionEnded),
    Case(use_websocket, request, end, ConnectionEnded),
    Case(use_websocket, request, garbage, HttpError),
    Case(use_websocket, upgrade, silent, ClientTimeout),
    Case(use_websocket, upgrade, reset, ConnectionEnded),
    Case(use_websocket, upgrade, end, ConnectionEnded),
    Case(use_websocket, upgrade, garbage, WebSocketError),
    Case(use_webrepl, upgrade, silent, ClientTimeout),
    Case(use_webrepl, upgrade, reset, ConnectionEnded),
    Case(use_webrepl, upgrade, end, ConnectionEnded),
    Case(use_webrepl, upgrade, garbage, WebSocketError),
    Case(use_websockets_client, request, silent, ClientTimeout),
    Case(use_websockets_client, request, reset, WebSocketError),
    Case(use_websockets_client, request, end, WebSocketError),
    Case(use_websockets_client, request, garbage, WebSocketError),
    Case(use_websockets_client, upgrade, silent, ClientTimeout),
    Case(use_websockets_client, upgrade, reset, WebSocketError),
    Case(use_websockets_client, upgrade, end, WebSocketError),
    Case(use_websockets_client, upgrade, garbage, ClientTimeout),  # it waits for the server's close
    Case(use_crowd, request, silent, ClientTimeout, 2),
    Case(use_crowd, request, reset, ConnectionEnded, 2),
    Case(use_crowd, request, end, ConnectionEnded, 2),
    Case(use_crowd, request, garbage, HttpError, 2),
    Case(use_crowd_with_a_fault, request, silent, HttpError, 2),
    Case(use_qmp, nothing, silent, QmpError),
    Case(use_qmp, request, reset, QmpError),
    Case(use_qmp, request, end, QmpError),
    Case(use_qmp, request, refuse, QmpError),
    Case(use_line, request, reset, NotRunning),
    Case(use_console, nothing, silent, ConsoleTimeout),
    Case(use_console, nothing, reset, ConsoleTimeout),
    Case(use_control, nothing, silent, ControlTimeout),
    Case(use_control, nothing, garbage, ControlTimeout),
]


@pytest.fixture
def collector_off() -> Iterator[None]:
    """Run the garbage collector once, and disable it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> weakref.WeakSet[socket.socket]:
    """Return the sockets that clients have opened, as long as anything refers to them."""
    alive: weakref.WeakSet[socket.socket] = weakref.WeakSet()
    connect = socket.socket.connect
    while CONNECTED.acquire(blocking=False):
        pass  # left over from the previous test

    def recording(sock: socket.socket, address: tuple[str, int]) -> None:
        alive.add(sock)
        connect(sock, address)
        CONNECTED.release()

    monkeypatch.setattr(socket.socket, "connect", recording)
    return alive


def failure(use: Callable[[Endpoint], None], endpoint: Endpoint) -> type[EspbenchError] | None:
    """Return the type of the error that a client raised, without keeping the error."""
    try:
        use(endpoint)
    except EspbenchError as error:
        return type(error)
    return None


@pytest.mark.usefixtures("collector_off")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_client_that_failed_leaves_no_reference_cycle(
    case: Case, opened: weakref.WeakSet[socket.socket]
) -> None:
    """The client's socket is released at once, without the garbage collector.

    The `websockets` library keeps errors in its connections, which are reference cycles, but it
    closes their sockets.
    """
    # A busy machine may answer late. Nothing waits that long where an answer comes.
    timeout = LONG if case.raises in ANSWERED else SHORT
    with serving(case.greet, case.behave, case.connections, timeout) as endpoint:
        raised = failure(case.use, endpoint)
        left = [
            sock for sock in opened if case.use is not use_websockets_client or sock.fileno() >= 0
        ]
        assert not left
    assert raised is case.raises


@pytest.mark.usefixtures("collector_off")
def test_the_test_sees_a_reference_cycle(opened: weakref.WeakSet[socket.socket]) -> None:
    """A client that refers to itself outlives its last outside reference."""

    def use(endpoint: Endpoint) -> None:
        stream = endpoint.raw()
        stream.itself = stream  # type: ignore[attr-defined]
        stream.receive()

    with serving(nothing, silent, 1, SHORT) as endpoint:
        assert failure(use, endpoint) is ClientTimeout
        assert len(opened) == 1
        gc.collect()
        assert len(opened) == 0
