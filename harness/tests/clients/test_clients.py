# SPDX-License-Identifier: MIT
"""The clients against servers of the standard library and `websockets`, on loopback."""

from __future__ import annotations

import contextlib
import http.server
import itertools
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from espbench.certs import recipes
from espbench.clients import (
    ClientTimeout,
    ConnectionEnded,
    Endpoint,
    Frame,
    HttpError,
    Step,
    Stream,
    Tls,
    TlsError,
    TlsSteps,
    WebRepl,
    WebReplError,
    WebSocketError,
    source_ports,
)
from espbench.clients.source_ports import SourcePorts
from websockets.sync.server import ServerConnection, serve


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers each request in a way that the tests know."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the path."""
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        """Answer with a length and no body."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()

    def do_POST(self) -> None:
        """Answer with the body, in chunks."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server_context(tmp_path: Path) -> ssl.SSLContext:
    """A TLS 1.2 server context with the P-256 recipe."""
    recipes()["p256"].write(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tmp_path / "servercert.pem", tmp_path / "prvtkey.pem")
    return context


@pytest.fixture
def http_endpoint() -> Iterator[Endpoint]:
    """A plain HTTP server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Endpoint(server.server_address[1], timeout=5)
        server.shutdown()


@pytest.fixture
def https_endpoint(server_context: ssl.SSLContext) -> Iterator[Endpoint]:
    """The same server over TLS 1.2."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.socket = server_context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Endpoint(server.server_address[1], Tls(trust=recipes()["p256"].trust), timeout=5)
        server.shutdown()


@contextlib.contextmanager
def one_connection(behave: Callable[[socket.socket], object]) -> Iterator[Endpoint]:
    """Serve one connection with this function."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    behave(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield Endpoint(listener.getsockname()[1], timeout=2)
    thread.join(5)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_reset_in_a_block(scheme: str, request: pytest.FixtureRequest) -> None:
    """A stream that was reset can be closed, as a `with` block does."""
    endpoint: Endpoint = request.getfixturevalue(f"{scheme}_endpoint")
    with contextlib.closing(endpoint.stream()) as stream:
        stream.reset()


def test_get(http_endpoint: Endpoint) -> None:
    """A GET request gives status, headers and body."""
    answer = http_endpoint.get("/path?query")
    assert (answer.status, answer.text) == (200, "/path?query")
    assert answer.header("Content-LENGTH") == "11"
    assert answer.keeps_alive


def test_several_requests_on_one_connection(http_endpoint: Endpoint) -> None:
    """A connection can be used for GET, HEAD and POST, one after the other."""
    with http_endpoint.http() as http:
        assert http.get("/1").text == "/1"
        head = http.request("HEAD", "/")
        assert (head.body, head.header("content-length")) == (b"", "1000")
        assert http.request("POST", "/", b"data").body == b"data"


def test_pipelined_responses_are_separated(http_endpoint: Endpoint) -> None:
    """Three pipelined requests give three responses."""
    with http_endpoint.http() as http:
        for index in range(3):
            http.send("GET", f"/{index}")
        assert [http.receive().text for _ in range(3)] == ["/0", "/1", "/2"]


def test_https_verifies_and_writes_the_secrets(https_endpoint: Endpoint, tmp_path: Path) -> None:
    """A verified connection works and writes the secrets that Wireshark needs."""
    log = tmp_path / "secrets.log"
    endpoint = https_endpoint.but(secrets=log)
    with endpoint.http() as http:
        assert http.get("/x").text == "/x"
    assert "CLIENT_RANDOM " in log.read_text()


def test_a_tls_stream_has_the_negotiated_parameters(https_endpoint: Endpoint) -> None:
    """A TLS stream has the negotiated version, cipher and certificate."""
    stream = https_endpoint.but(ciphers="ECDHE-ECDSA-AES128-GCM-SHA256").tls_stream()
    assert stream.version == "TLSv1.2"
    assert stream.cipher == "ECDHE-ECDSA-AES128-GCM-SHA256"
    assert (
        ssl.DER_cert_to_PEM_cert(stream.certificate).encode()
        in (recipes()["p256"].files["servercert.pem"])
    )
    stream.close()


def test_sending_to_a_closed_tls_peer(server_context: ssl.SSLContext) -> None:
    """Sending after an end without close_notify raises ConnectionEnded."""

    def behave(connection: socket.socket) -> None:
        server_context.wrap_socket(connection, server_side=True).close()

    with one_connection(behave) as endpoint:
        stream = endpoint.but(verify=False).tls_stream()
        assert (stream.receive(), stream.ended_cleanly) == (b"", False)
        with pytest.raises(ConnectionEnded) as caught:
            stream.send(b"data")
        stream.close()
    assert str(caught.value) == (
        f"127.0.0.1:{endpoint.port} has closed the TLS connection without a close_notify."
    )


def test_a_wrong_name_is_refused(https_endpoint: Endpoint) -> None:
    """A certificate for another name is refused with OpenSSL's message."""
    with pytest.raises(TlsError, match=r"Hostname mismatch.*elsewhere\.test"):
        https_endpoint.but(server_name="elsewhere.test").get("/")


def test_an_untrusted_certificate_is_refused(https_endpoint: Endpoint) -> None:
    """A certificate from an unknown issuer is refused."""
    with pytest.raises(TlsError, match="unable to get local issuer"):
        https_endpoint.but(trust=None).get("/")


@pytest.mark.parametrize("step", list(Step))
def test_the_handshake_stops_at_each_step(step: Step, https_endpoint: Endpoint) -> None:
    """The handshake can stop at each step; only the last one is established."""
    steps = TlsSteps(Tls(verify=False))
    stream = https_endpoint.raw()
    steps.go(stream, step)
    assert steps.established == (step is Step.ESTABLISHED)
    stream.reset()
    assert https_endpoint.get("/after").status == 200


def test_steps_can_talk_after_the_handshake(https_endpoint: Endpoint) -> None:
    """After the last step, application data can be encrypted by hand."""
    steps = TlsSteps(Tls(verify=False))
    with https_endpoint.raw() as stream:
        steps.go(stream, Step.ESTABLISHED)
        stream.send(steps.encrypt(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
        assert stream.receive()[0] == 23


def test_no_two_clients_share_a_source_port() -> None:
    """Clients of two forwarded ports have different source ports, which slirp preserves."""
    with contextlib.ExitStack() as stack:
        ports = []
        for _ in range(2):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=400))
            ports.append(listener.getsockname()[1])
        streams = [Stream.connect(port) for _ in range(350) for port in ports]
        for stream in streams:
            stack.callback(stream.close)
        assert len({stream.sock.getsockname()[1] for stream in streams}) == len(streams)


def test_no_source_port_comes_again_soon() -> None:
    """A port that was just closed is not reused: it may be in TIME-WAIT on the guest."""
    ports, taken = SourcePorts(), []
    for _ in range(3000):  # with random ports, about three hundred would repeat
        with socket.socket() as sock:
            ports.bind(sock)
            taken.append(sock.getsockname()[1])
    assert len(set(taken)) == len(taken)


def test_source_ports_do_not_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a host with few ports they are reused, but not soon."""
    ports, offered = SourcePorts(), itertools.cycle(range(40_000, 40_100))
    monkeypatch.setattr(source_ports, "_offered", lambda: next(offered))
    taken = [ports.new() for _ in range(1000)]
    assert set(taken) == set(range(40_000, 40_100))
    assert all(len(set(taken[i : i + 50])) == 50 for i in range(len(taken) - 50))


def test_a_source_port_that_another_process_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """If another process took the port first, the next one is used."""
    ports = SourcePorts()
    with socket.create_server(("127.0.0.1", 0)) as other, socket.socket() as sock:
        offered = iter([other.getsockname()[1]])
        free = ports.new
        monkeypatch.setattr(ports, "new", lambda: next(offered, None) or free())
        ports.bind(sock)
        assert sock.getsockname()[1] not in (0, other.getsockname()[1])


def test_nobody_listens() -> None:
    """A closed port is a refused connection, with a hint at the cause."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionEnded, match="is the device running"):
        Endpoint(port).get("/")


def test_a_silent_server_is_a_timeout() -> None:
    """A server that sends nothing is a ClientTimeout."""
    event = threading.Event()

    def keep_quiet(_: socket.socket) -> None:
        event.wait(5)

    with one_connection(keep_quiet) as endpoint:
        with pytest.raises(ClientTimeout, match=r"did not send anything more within"):
            endpoint.patient(0.1).get("/")
        event.set()


def test_a_reset_is_distinguished_from_a_fin() -> None:
    """`wait_until_gone` distinguishes a reset from a FIN."""

    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        Stream(connection).reset()

    for behave, is_reset in ((reset, True), (lambda connection: connection.recv(1), False)):
        with one_connection(behave) as endpoint, endpoint.raw() as stream:
            stream.send(b"x")
            assert stream.wait_until_gone() == is_reset


def test_no_answer_and_half_an_answer() -> None:
    """A connection that ends before the response differs from a truncated response."""

    def answer(connection: socket.socket, data: bytes) -> None:
        connection.recv(1000)
        connection.sendall(data)

    with (
        one_connection(lambda connection: answer(connection, b"")) as endpoint,
        pytest.raises(ConnectionEnded, match="instead of answering"),
    ):
        endpoint.get("/")
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"
    with (
        one_connection(lambda connection: answer(connection, half)) as endpoint,
        pytest.raises(HttpError, match=r"expected 5"),
    ):
        endpoint.get("/")


def test_garbage_is_not_a_response() -> None:
    """A response that is not HTTP is an HttpError."""
    with (
        one_connection(lambda connection: connection.sendall(b"garbage\r\n\r\n")) as endpoint,
        pytest.raises(HttpError, match=r"not HTTP/1\.1"),
    ):
        endpoint.get("/")


def repl(connection: ServerConnection) -> None:
    """Act as a WebREPL that knows one line."""
    connection.send("Password: ")
    if connection.recv() != "right\r":
        connection.send("\r\nAccess denied\r\n")
        return
    connection.send("\r\nWebREPL connected\r\n>>> ")
    line = str(connection.recv()).rstrip("\r")
    for part in (line, "\r\n4", "2\r\n>", ">> "):
        connection.send(part)


def echo(connection: ServerConnection) -> None:
    """Send every message back; /webrepl is a WebREPL."""
    if connection.request and connection.request.path == "/webrepl":
        repl(connection)
        return
    for message in connection:
        connection.send(message)


@pytest.fixture
def ws_endpoint() -> Iterator[Endpoint]:
    """An echo server of the `websockets` library."""
    with serve(echo, "127.0.0.1", 0, compression=None) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Endpoint(server.socket.getsockname()[1], timeout=5)
        server.shutdown()


def test_both_websocket_clients_echo(ws_endpoint: Endpoint) -> None:
    """Both the frame-by-frame client and the well-behaved one get their messages back."""
    with ws_endpoint.websocket() as websocket:
        websocket.send("text")
        assert websocket.receive() == "text"
        websocket.send(b"\0\1")
        assert websocket.receive() == b"\0\1"
    with ws_endpoint.websockets_client() as client:
        assert client.echo("x" * 70000) == "x" * 70000


def test_fragments_ping_and_close(ws_endpoint: Endpoint) -> None:
    """Fragments make one message, a ping gets its pong, a close its code."""
    websocket = ws_endpoint.websocket()
    websocket.send_frame(Frame(1, b"a", fin=False), Frame(9, b"p"), Frame(0, b"b"))
    assert websocket.receive_pong() == b"p"
    assert websocket.receive() == "ab"
    assert websocket.close(1000, "done").code == 1000


def test_a_broken_frame_gives_the_servers_code(ws_endpoint: Endpoint) -> None:
    """The client sees the close code 1002 with which a server answers an unmasked frame."""
    websocket = ws_endpoint.websocket()
    websocket.send_frame(Frame(1, b"a", masked=False))
    assert websocket.receive_close().code == 1002
    websocket.wait_until_gone()
    websocket.stream.close()


def test_a_refused_upgrade_has_its_status(ws_endpoint: Endpoint) -> None:
    """A request without upgrade headers is refused, and the error has the status."""
    with pytest.raises(WebSocketError, match="refused the WebSocket with") as caught:
        ws_endpoint.websocket(headers={})
    assert caught.value.status == 426


def test_webrepl_lines(ws_endpoint: Endpoint) -> None:
    """The WebREPL client logs in and returns the output of a line."""
    with ws_endpoint.websockets_client("/webrepl") as socket_:
        assert WebRepl(socket_, "right").line("40 + 2") == "42\n"


def test_webrepl_wrong_password(ws_endpoint: Endpoint) -> None:
    """A wrong password raises WebReplError."""
    with (
        ws_endpoint.websockets_client("/webrepl") as socket_,
        pytest.raises(WebReplError, match="refused the WebREPL's password"),
    ):
        WebRepl(socket_, "wrong")
