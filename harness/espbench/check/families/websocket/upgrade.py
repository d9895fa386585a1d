# SPDX-License-Identifier: MIT
"""The opening handshake: what a server has to accept, what it has to refuse, and Origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espbench.check.answer_log import record_answer
from espbench.check.check import Observation, check, expect
from espbench.check.families.websocket.conversation import PATIENCE, fields_of
from espbench.check.result import Severity
from espbench.check.subject import Subject
from espbench.clients import HttpConnection, Response
from espbench.clients.errors import ClientError, ConnectionEnded
from espbench.clients.websocket import CLOSE, Frame, accept_of, close_payload
from espbench.util.listing import listing, uncapitalized

Fields = Sequence[tuple[str, str]]
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of RFC 6455, section 1.3."""


@dataclass(frozen=True)
class Request:
    """An upgrade request that differs from a usual one.

    Attributes:
        changes: header fields instead of the usual ones of the same name; "" for none.
        more: further header lines.
        method, version: of the request line.
        pieces: whether it is sent byte by byte.
    """

    changes: Fields = ()
    more: Sequence[str] = ()
    method: str = "GET"
    version: str = "HTTP/1.1"
    pieces: bool = False

    def encode(self, subject: Subject) -> bytes:
        """Return it as bytes."""
        changed = {name.lower() for name, _ in self.changes}
        given = [pair for pair in fields_of(subject).items() if pair[0].lower() not in changed]
        lines = [
            f"{self.method} {subject.websocket_path} {self.version}",
            "Host: espbench.test",
            *(f"{name}: {value}" for name, value in (*given, *self.changes) if value),
            *self.more,
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def ask(subject: Subject, request: Request) -> Response | None:
    """Return the response to an upgrade request; None if the server just ends the connection.

    Raises:
        ClientError: it did not answer in time, or not with HTTP.
    """
    answer = _ask(subject, request)
    record_answer(answer)
    return answer


def _ask(subject: Subject, request: Request) -> Response | None:
    data = request.encode(subject)
    with HttpConnection(subject.endpoint.stream()) as http:
        try:
            if request.pieces:
                for at in range(len(data)):
                    http.stream.send(data[at : at + 1])
            else:
                http.stream.send(data)
            answer = http.receive_upgrade(PATIENCE)
        except ConnectionEnded:
            return None
        if answer.status == 101:
            _leave(http)
        return answer


def _leave(http: HttpConnection) -> None:
    """Close a WebSocket, and wait until its place is free."""
    try:
        http.stream.send(Frame(CLOSE, close_payload(1000)).encode())
        while http.stream.receive(1.0):
            pass
    except ClientError:
        pass


def tokens(response: Response, name: str) -> list[str]:
    """Return the tokens of a list field, in lower case."""
    values = ",".join(value for key, value in response.headers if key == name)
    return [each.strip().lower() for each in values.split(",") if each.strip()]


VALID: dict[str, Request] = {
    "usual": Request(),
    "key of the RFC": Request((("Sec-WebSocket-Key", KEY),)),
    "Firefox": Request((("Connection", "keep-alive, Upgrade"),)),
    "list in two lines": Request((("Connection", "keep-alive"),), more=("Connection: Upgrade",)),
    "other cases": Request(
        (
            ("Upgrade", ""),
            ("Connection", ""),
            ("Sec-WebSocket-Key", ""),
            ("Sec-WebSocket-Version", ""),
        ),
        more=(
            "UPGRADE: WebSocket",
            "connection: UPGRADE",
            f"sec-websocket-key: {KEY}",
            "SEC-WEBSOCKET-VERSION: 13",
        ),
    ),
    "blanks around values": Request(
        (
            ("Upgrade", " websocket \t"),
            ("Connection", "\tUpgrade  "),
            ("Sec-WebSocket-Key", f" {KEY} "),
            ("Sec-WebSocket-Version", " 13 "),
        )
    ),
    "extension offered": Request(
        (("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),)
    ),
    "subprotocols offered": Request(more=("Sec-WebSocket-Protocol: espbench.one, espbench.two",)),
    "a browser's fields": Request(
        more=(
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/130.0.0.0 Safari/537.36",
            "Pragma: no-cache",
            "Cache-Control: no-cache",
            "Accept-Encoding: gzip, deflate",
            "Accept-Language: en-GB,en-US;q=0.9,en;q=0.8",
        )
    ),
    "byte by byte": Request(pieces=True),
}


@check(
    "websocket.upgrade",
    "RFC 6455, sections 4.1 and 4.2.2",
    needs="websocket",
    cases={name: (name, request) for name, request in VALID.items()},
    estimate=2,
)
def upgrade(subject: Subject, case: tuple[str, Request]) -> Observation | None:
    """A valid upgrade, written in any allowed way, gets a valid 101."""
    name, request = case
    offers = any("Protocol" in line for line in request.more)
    if offers and subject.websocket is not None and subject.websocket.subprotocol:
        return None  # the path has one of its own
    answer = ask(subject, request)
    what = f"A valid upgrade ({name})"
    expect(answer is not None, f"{what} got no response: the server closed the connection.")
    assert answer is not None
    if offers and answer.status in (400, 403):
        return Observation(f"The server refuses unknown subprotocols with {answer.status}.")
    expect(answer.status == 101, f"{what} was refused with {answer.status}.")
    sent = request.encode(subject).decode("latin-1")
    key = _value(sent, "sec-websocket-key") if KEY in sent else ""
    accept = answer.header("sec-websocket-accept")
    expect(accept, "The 101 response lacks Sec-WebSocket-Accept.")
    if key:
        expect(
            accept == accept_of(KEY),
            f"Sec-WebSocket-Accept is {accept!r} instead of {accept_of(KEY)!r} for the key "
            f"{KEY!r}.",
        )
    expect(
        tokens(answer, "upgrade") == ["websocket"],
        f"The 101 response has {_field(answer, 'Upgrade')}: it has to contain "
        "'Upgrade: websocket'.",
    )
    expect(
        "upgrade" in tokens(answer, "connection"),
        f"The 101 response has {_field(answer, 'Connection')}: it has to contain "
        "'Connection: Upgrade'.",
    )
    chosen = [value.split(";")[0] for value in tokens(answer, "sec-websocket-extensions")]
    offered = ["permessage-deflate"] if "permessage-deflate" in sent else []
    expect(
        set(chosen) <= set(offered),
        f"The 101 response agrees to {listing(chosen)}, which the client did not offer: a client "
        "MUST fail the connection.",
    )
    protocol = answer.header("sec-websocket-protocol")
    own = subject.websocket.subprotocol if subject.websocket else ""
    allowed = {"espbench.one", "espbench.two"} if offers else {own}
    expect(
        protocol is None or protocol in allowed,
        f"The 101 response chooses the subprotocol {protocol!r}, which the client did not offer: a "
        "client MUST fail the connection.",
    )
    if offers and protocol is not None:
        return Observation(f"The server agrees to the unknown subprotocol {protocol!r}.")
    return None


def _field(response: Response, name: str) -> str:
    """Return a response's header field for a sentence."""
    value = response.header(name.lower())
    return f"no {name} field" if value is None else repr(f"{name}: {value}")


def _value(text: str, name: str) -> str:
    return next(
        (
            line.partition(":")[2].strip()
            for line in text.split("\r\n")
            if line.lower().startswith(f"{name}:")
        ),
        "",
    )


INVALID: dict[str, Request] = {
    "no key": Request((("Sec-WebSocket-Key", ""),)),
    "an empty key": Request((("Sec-WebSocket-Key", ""),), more=("Sec-WebSocket-Key:",)),
    "no version": Request((("Sec-WebSocket-Version", ""),)),
    "no Connection": Request((("Connection", ""),)),
    "Connection: close": Request((("Connection", "close"),)),
    "no Upgrade": Request((("Upgrade", ""),)),
    "another Upgrade": Request((("Upgrade", "h2c"),)),
    "a token that contains it": Request((("Upgrade", "notwebsocket"),)),
    "POST": Request(method="POST", more=("Content-Length: 0",)),
    "PUT": Request(method="PUT", more=("Content-Length: 0",)),
    "HTTP/1.0": Request(version="HTTP/1.0"),
}


@check(
    "websocket.invalid_upgrade",
    "RFC 6455, section 4.2.1",
    needs="websocket",
    plain=True,
    cases={name: (name, request) for name, request in INVALID.items()},
    estimate=2,
)
def invalid_upgrade(subject: Subject, case: tuple[str, Request]) -> None:
    """An upgrade that lacks something is refused."""
    name, request = case
    try:
        answer = ask(subject, request)
    except ClientError as error:
        expect(
            False,
            f"An upgrade with {name} was not answered: {uncapitalized(str(error))}",
            Severity.ROBUSTNESS,
        )
        return
    expect(
        answer is None or answer.status != 101,
        f"An upgrade with {name} was accepted (101): the server MUST answer with an error such as "
        "400.",
    )


@check(
    "websocket.key",
    "RFC 6455, section 4.2.2",
    needs="websocket",
    plain=True,
    cases={"short": "c2hvcnQ=", "not base64": "!" * 24, "long": "A" * 400},
    estimate=0.5,
)
def key(subject: Subject, value: str) -> Observation | None:
    """A key that is not 16 bytes in base64 is refused, or answered like any other."""
    answer = ask(subject, Request((("Sec-WebSocket-Key", value),)))
    if answer is None or answer.status != 101:
        return None
    expect(
        answer.header("sec-websocket-accept") == accept_of(value),
        f"The key {value[:30]!r} was accepted with a wrong Sec-WebSocket-Accept.",
    )
    return Observation(
        f"The server accepts the key {value[:30]!r}, which is not 16 bytes in base64."
    )


@check(
    "websocket.version",
    "RFC 6455, sections 4.2.2 and 4.4",
    needs="websocket",
    plain=True,
    cases={v: v for v in ("0", "8", "12", "14", "25", "255", "-13", "131", "1 3", "thirteen")},
    estimate=1,
)
def version(subject: Subject, number: str) -> None:
    """An unknown version is refused with the version that the server knows."""
    answer = ask(subject, Request((("Sec-WebSocket-Version", number),)))
    if answer is None:
        return
    expect(
        answer.status != 101,
        f"Sec-WebSocket-Version {number!r} was accepted: the server MUST abort (426).",
    )
    if number.isdigit() and int(number) <= 255:
        expect(
            "13" in tokens(answer, "sec-websocket-version"),
            f"Sec-WebSocket-Version {number} was refused with {answer.status} without "
            "'Sec-WebSocket-Version: 13', which the server MUST send.",
        )


FOREIGN = {
    "another site": "https://evil.example",
    "the name as a subdomain": "http://espbench.test.evil.example",
    "null": "null",
}


@check(
    "websocket.origin",
    "RFC 6455, section 10.2",
    Severity.SECURITY,
    needs="websocket",
    plain=True,
    estimate=0.5,
)
def origin(subject: Subject) -> Observation | None:
    """A page of another site cannot open the WebSocket in a visitor's browser."""
    own = ask(subject, Request(more=("Origin: http://espbench.test",)))
    taken = []
    for value in FOREIGN.values():
        answer = ask(subject, Request(more=(f"Origin: {value}",)))
        if answer is not None and answer.status == 101:
            taken.append(value)
    if taken:
        return Observation(
            "A page of any site can open it in a visitor's browser (cross-site WebSocket "
            f"hijacking): the server accepts Origin {listing(taken)}."
        )
    scheme = "https" if subject.server.tls else "http"
    if own is None or own.status != 101:
        same = ask(subject, Request(more=(f"Origin: {scheme}://espbench.test",)))
        if same is None or same.status != 101:
            return Observation("The server refuses an Origin with the same name as Host.")
    return None


@check(
    "websocket.plain_get", "RFC 9110, section 15.5.22", needs="websocket", plain=True, estimate=0.5
)
def plain_get(subject: Subject) -> None:
    """A GET of the path without an upgrade gets a response, and 426 names the upgrade."""
    with subject.endpoint.http() as http:
        try:
            answer = http.get(subject.websocket_path)
        except ConnectionEnded:
            return
        except ClientError as error:
            expect(
                False,
                f"A GET of {subject.websocket_path} without an upgrade was not answered: "
                f"{uncapitalized(str(error))}",
                Severity.ROBUSTNESS,
            )
            return
    record_answer(answer)
    expect(answer.status != 101, "A GET without an upgrade was answered with 101.")
    if answer.status == 426:
        expect(
            "websocket" in tokens(answer, "upgrade"),
            "A 426 response lacks 'Upgrade: websocket' (MUST).",
        )
