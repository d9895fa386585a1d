# SPDX-License-Identifier: MIT
"""Sends bytes to an HTTP server and says what came back, however wrong either is."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from espbench.check.answer_log import record_answer
from espbench.check.check import expect
from espbench.check.errors import CheckFailed
from espbench.check.result import Severity
from espbench.check.segments import APART_BY, stands_apart
from espbench.check.subject import Subject
from espbench.clients import ClientTimeout, ConnectionEnded, HttpConnection, HttpError, Response
from espbench.clients.errors import ClientError, TlsError
from espbench.clients.http import NOT_HTTP
from espbench.clients.tcp import ByteStream, Timeout
from espbench.device.device import Device
from espbench.util.timeouts import timeout_scale

__all__ = [
    "CHUNKS",
    "HOST",
    "PATIENCE",
    "QUIET",
    "Exchange",
    "exchange",
    "head",
    "keeps_alive",
    "normal",
    "normal_get",
    "pipelines",
    "quoted",
    "receive_all",
    "with_fields",
]

PATIENCE = 8.0
"""Seconds (before scaling) within which a well server answers."""
QUIET = 0.6
"""Seconds (before scaling) without data after which no further response is expected."""
FIRST = 2.0
"""Seconds (before scaling) to wait for the response before a request that is not pipelined."""
SLOWER = 4.0
"""Times that a response may take as long as one to a valid GET, however slow the server is."""
HOST = "espbench.test"
CHUNKS = b"4\r\nbody\r\n0\r\n\r\n"
"""A body in the chunked transfer coding (RFC 9112, section 7.1)."""
CUT = "peer unexpectedly closed connection"
"""h11's words for a response that breaks off."""
OPEN, CLOSED, RESET, UNSEEN = "open", "closed", "reset", "unseen"
MOST = 4
"""Responses to wait for at most."""


@dataclass(frozen=True)
class Exchange:
    """What came back on one connection.

    Attributes:
        responses: the responses, in order.
        end: how it ended: "open" (it did not), "closed", "reset", or "unseen", as nobody waited
            for its end after the last response.
        invalid: why something that came is not an HTTP response; "" if all are.
        partial: the beginning of a response that did not come to its end.
    """

    responses: tuple[Response, ...] = ()
    end: str = OPEN
    invalid: str = ""
    partial: bytes = b""

    @property
    def statuses(self) -> tuple[int, ...]:
        """The statuses of the responses."""
        return tuple(each.status for each in self.responses)

    @property
    def status(self) -> int:
        """The status of the first response; 0 without one."""
        return self.responses[0].status if self.responses else 0

    @property
    def ended(self) -> bool:
        """Whether the server ended the connection."""
        return self.end in (CLOSED, RESET)

    @property
    def silent(self) -> bool:
        """Whether the server neither answered nor ended the connection."""
        return not (self.responses or self.ended or self.invalid or self.partial)

    def __str__(self) -> str:
        """Return it as a clause, such as "the server answered 200 and closed the connection"."""
        it = "the server"
        ends = {
            CLOSED: "closed the connection",
            RESET: "reset the connection",
            OPEN: "kept the connection open",
        }
        if self.invalid:
            return f"the server's answer is not an HTTP response ({self.invalid})"
        if self.partial:
            if self.ended:
                return f"{it} {ends[self.end]} in the middle of a response ({quoted(self.partial)})"
            return f"{it} sent an incomplete response ({quoted(self.partial)})"
        if not self.responses:
            if self.end == OPEN:
                return f"{it} sent nothing and kept the connection open"
            return f"{it} {ends[self.end]} without an answer"
        answers = ", then ".join(str(status) for status in self.statuses)
        if self.end == UNSEEN:
            return f"{it} answered {answers}"
        comma = "," if len(self.statuses) > 1 else ""
        return f"{it} answered {answers}{comma} and {ends[self.end]}"


def head(
    subject: Subject,
    *fields: str | bytes,
    method: str = "GET",
    target: str | None = None,
    host: str | None = HOST,
    version: str = "HTTP/1.1",
    close: bool = False,
) -> bytes:
    """Return a request's head as bytes, valid or not.

    Args:
        subject: whose path to ask, and whose profile names fields that each request needs.
        fields: more header lines, without line ends.
        method, target, version: the request line; the default target is the subject's path.
        host: the Host field; None for none.
        close: whether the connection has to end behind the response, so that nobody has to wait
            to find out whether more comes.
    """
    lines = [f"{method} {subject.path if target is None else target} {version}".encode("latin-1")]
    if host is not None:
        lines.append(b"Host: " + host.encode("latin-1"))
    if close:
        lines.append(b"Connection: close")
    lines += [f"{name}: {value}".encode() for name, value in subject.profile.headers.items()]
    lines += [each if isinstance(each, bytes) else each.encode("latin-1") for each in fields]
    return b"\r\n".join([*lines, b"", b""])


def with_fields(data: bytes, subject: Subject) -> bytes:
    """Return requests with the fields that each request needs, by the profile, behind Host."""
    more = b"".join(f"{name}: {value}\r\n".encode() for name, value in subject.headers)
    return data.replace(b"Host: x\r\n", b"Host: x\r\n" + more)


def exchange(
    subject: Subject,
    *pieces: bytes,
    methods: Sequence[str] = (),
    most: int = MOST,
    patience: float = PATIENCE,
    quiet: float = QUIET,
    then: bytes = b"",
) -> Exchange:
    """Send these pieces on a fresh connection, and return what comes back.

    A server that does not answer pipelined requests gets `then` after its first response, or when
    there is none. What it has not read would otherwise be seen by chance only: ESP-IDF's server
    over TLS looks at the rest of a record when more comes.

    Silence is believed when it repeats: the emulated Ethernet of a dual-core ESP32 now and then
    stalls a connection for seconds (ESP-IDF's driver of open_eth can lose an interrupt).

    Args:
        subject: whom to ask.
        pieces: what to send, each in a segment of its own.
        methods: the methods of the requests in it; GET for those that are not named.
        most: how many responses to wait for.
        patience: seconds (before scaling) to wait for the first response; a server that is slow
            to answer a valid GET gets more, `SLOWER` times as long.
        quiet: seconds (before scaling) to wait for each further one, or for the end; the same.
        then: a request behind the pieces.

    Raises:
        ClientError: no connection could be made.
    """
    if then and pipelines(subject):
        pieces, then = (*pieces[:-1], pieces[-1] + then), b""
    usual = _usual(subject) if most > 1 else 0.0
    patience, quiet, first = (max(each, SLOWER * usual) for each in (patience, quiet, FIRST))
    got = Exchange()
    for _ in range(2):
        got = _exchange(subject, pieces, methods, most, patience, quiet, first, then)
        if not got.silent:
            break
    return got


def _exchange(
    subject: Subject,
    pieces: Sequence[bytes],
    methods: Sequence[str],
    most: int,
    patience: float,
    quiet: float,
    first: float,
    then: bytes,
) -> Exchange:
    with HttpConnection(_Tap(subject.endpoint.stream())) as http:
        try:
            for number, piece in enumerate(pieces):
                http.stream.send(piece, patience)
                if len(piece) == 1 and stands_apart(number, len(pieces)):
                    threading.Event().wait(APART_BY)
        except ClientError:
            pass  # it may answer before it has read everything
        if not then:
            return receive_all(http, methods, most=most, patience=patience, quiet=quiet)
        got = receive_all(http, methods, most=1, patience=first)
        # What completes the first request, so that it is answered only now, has one behind it, too.
        for _ in range(1 if got.responses else 2):
            if got.ended or got.invalid or got.partial or len(got.responses) > 1:
                break
            with contextlib.suppress(ClientError):  # it may have ended the connection
                http.stream.send(then, patience)
            answered = len(got.responses)
            more = receive_all(
                http,
                methods[answered:],
                most=most - answered,
                patience=quiet if answered else patience,
                quiet=quiet,
            )
            got = replace(more, responses=got.responses + more.responses)
        return got


class _Tap:
    """A stream that keeps what came, so that an incomplete response can be shown."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._received = b""

    @property
    def port(self) -> int:
        return self._stream.port

    def send(self, data: bytes, timeout: Timeout = None) -> None:
        self._stream.send(data, timeout)

    def receive(self, timeout: Timeout = None) -> bytes:
        data = self._stream.receive(timeout)
        self._received += data
        return data

    def take(self) -> bytes:
        """Return what came since the last call."""
        data, self._received = self._received, b""
        return data

    def close(self) -> None:
        self._stream.close()

    def reset(self) -> None:
        self._stream.reset()


def receive_all(
    http: HttpConnection,
    methods: Sequence[str] = (),
    *,
    most: int = MOST,
    patience: float = PATIENCE,
    quiet: float = QUIET,
) -> Exchange:
    """Return what comes on a connection; see `exchange`."""
    got = _receive_all(http, methods, most, patience, quiet)
    record_answer(got)
    return got


def _receive_all(
    http: HttpConnection, methods: Sequence[str], most: int, patience: float, quiet: float
) -> Exchange:
    responses: list[Response] = []
    while len(responses) < most:
        method = methods[len(responses)] if len(responses) < len(methods) else "GET"
        try:
            responses.append(http.receive(method, quiet if responses else patience))
            if isinstance(http.stream, _Tap):
                http.stream.take()
        except ClientTimeout:
            partial = http.stream.take() if isinstance(http.stream, _Tap) else b""
            return Exchange(tuple(responses), partial=partial)
        except ConnectionEnded as error:
            return Exchange(tuple(responses), RESET if error.reset else CLOSED)
        except TlsError:
            return Exchange(tuple(responses), RESET)
        except HttpError as error:
            if CUT in str(error):  # such as a RST because it has not read everything
                partial = http.stream.take() if isinstance(http.stream, _Tap) else b""
                return Exchange(tuple(responses), CLOSED, partial=http.left_over + partial)
            why = str(error).removeprefix(NOT_HTTP).removesuffix(".")
            return Exchange(tuple(responses), OPEN, why)
    return Exchange(tuple(responses), UNSEEN)


_NORMAL: WeakKeyDictionary[Device, dict[int, tuple[Response, float]]] = WeakKeyDictionary()


def normal_get(subject: Subject) -> tuple[Response, float]:
    """Return the response to a valid GET of the subject's path, and how many seconds it took.

    It is asked once for each server of a device.

    Raises:
        CheckFailed: there was no response.
    """
    known = _NORMAL.setdefault(subject.device, {})
    if subject.server.port not in known:
        began = time.monotonic()
        got = exchange(subject, head(subject), most=1)
        seconds = time.monotonic() - began
        expect(
            got.responses,
            f"A valid GET {subject.path} was not answered: {got}.",
            Severity.ROBUSTNESS,
        )
        known[subject.server.port] = got.responses[0], seconds
    return known[subject.server.port]


def _usual(subject: Subject) -> float:
    """Return the seconds (before scaling) that a valid GET takes; 0 if it is not answered."""
    with contextlib.suppress(CheckFailed, ClientError):
        return normal_get(subject)[1] / timeout_scale()
    return 0.0


def normal(subject: Subject) -> int:
    """Return the status of the response to a valid GET of the subject's path."""
    return normal_get(subject)[0].status


def keeps_alive(subject: Subject) -> bool:
    """Return whether the server answers a second request on a connection."""
    with subject.endpoint.http() as http:
        for _ in range(2):
            try:
                http.stream.send(head(subject))
            except ClientError:
                return False
            got = receive_all(http, most=1)
            if not got.responses:
                return False
    return True


PROBES = 3
"""Pairs of pipelined requests that have to be answered."""
_PIPELINES: WeakKeyDictionary[Device, dict[int, bool]] = WeakKeyDictionary()


def pipelines(subject: Subject) -> bool:
    """Return whether the server answers two GETs in one segment; found out once for each server.

    It has to answer them several times: a server that forgets the second one, such as ESP-IDF's
    over TLS, answers it by chance when more comes in that moment.
    """
    known = _PIPELINES.setdefault(subject.device, {})
    if subject.server.port not in known:
        data = head(subject) + head(subject, close=True)
        both = (normal(subject),) * 2
        known[subject.server.port] = all(
            exchange(subject, data, most=3).statuses == both for _ in range(PROBES)
        )
    return known[subject.server.port]


def quoted(data: str | bytes, most: int = 60) -> str:
    """Return data for a sentence: quoted, unprintable bytes escaped, cut in the middle."""
    text = repr(data.encode("latin-1") if isinstance(data, str) else data)[1:]
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} ... {text[-most // 3 :]}"
