# SPDX-License-Identifier: MIT
"""Several WebSockets: their messages, places, clients that stall, leave or do not read."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from espbench.check.check import NotApplicable, Observation, check, expect
from espbench.check.families.tls.support import reason
from espbench.check.families.websocket.cases import NEXT_PING, await_answers
from espbench.check.families.websocket.conversation import PATIENCE, Conversation, fields_of
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject
from espbench.clients import ByteStream, Frame, encode_request, run_concurrently
from espbench.clients.errors import ClientError, ClientTimeout
from espbench.clients.websocket import BINARY, CONTINUATION, PING, TEXT
from espbench.util.listing import counted, uncapitalized
from espbench.util.timeouts import Deadline

MOST = 12
"""WebSockets to open at once at most."""
ROUNDS = 6


@check(
    "websocket.every_server",
    "RFC 6455, section 3",
    Severity.ROBUSTNESS,
    needs="websocket",
    estimate=0.1,
)
def every_server(subject: Subject) -> None:
    """A path that echoes on another server, or by the profile, echoes on this server, too."""
    assert subject.websocket is not None
    if subject.websocket.echo:
        # A profile names its paths for every server, so here it may be wrong.
        with Conversation(subject) as talk:
            talk.send_frames(Frame(TEXT, b"espbench"))
            await_answers(talk, ["espbench"], [])
        return
    elsewhere = [
        server
        for server in subject.servers
        if server != subject.server
        for each in server.websockets
        if each.path == subject.websocket_path and each.echo
    ]
    expect(
        not elsewhere,
        f"{subject.websocket_path} upgrades, but does not send messages back, as it does on port "
        f"{elsewhere[0].port if elsewhere else 0}.",
    )


@check("websocket.burst", "RFC 6455, section 5.4", Severity.ROBUSTNESS, needs="echo", estimate=1)
def burst(subject: Subject) -> None:
    """Forty messages in one piece come back, in order."""
    texts = [f"message {number}" for number in range(40)]
    with Conversation(subject) as talk:
        talk.send_frames(*(Frame(TEXT, each.encode()) for each in texts))
        await_answers(talk, texts, [])


@check("websocket.at_once", "RFC 6455, section 3", Severity.ROBUSTNESS, needs="echo", estimate=2)
def at_once(subject: Subject) -> None:
    """Three clients at the same time get their own messages back, and no others."""

    def client(name: str) -> Callable[[], None]:
        def run() -> None:
            with Conversation(subject) as talk:
                for number in range(5):
                    talk.send_frames(Frame(TEXT, f"{name} {number}".encode()))
                    await_answers(talk, [f"{name} {number}"], [])

        return run

    for outcome in run_concurrently([client(name) for name in ("a", "b", "c")]):
        outcome.get()


def stream_of(subject: Subject) -> ByteStream:
    """Return the connection of a WebSocket that has just opened."""
    return Conversation(subject).socket.stream


LEAVES: dict[str, bytes | int | None] = {
    "in the upgrade": 60,
    "before the 101": None,
    "idle": b"",
    "in a frame's head": b"\x81",
    "in a payload": Frame(BINARY, b"x" * 10, length=4000).encode(),
    "between fragments": Frame(TEXT, b"x", fin=False).encode(),
    "before its echo": Frame(TEXT, b"x" * 1000).encode(),
}
ENDED = {"reset": "reset", "close": "closed"}
"""By where clients leave: what they have sent on a WebSocket, or how many bytes of the upgrade."""


@check(
    "websocket.aborted",
    "RFC 6455, section 7.1.7",
    Severity.ROBUSTNESS,
    needs="websocket",
    cases={f"{end} {where}": (where, end) for where in LEAVES for end in ("reset", "close")},
    estimate=6,
)
def aborted(subject: Subject, case: tuple[str, str]) -> None:
    """After clients have disconnected without a close frame, others are served."""
    where, end = case
    data = LEAVES[where]
    for _ in range(2 if subject.server.tls else ROUNDS):
        stream = None
        try:
            if isinstance(data, bytes):
                stream = stream_of(subject)
                stream.send(data)
            else:
                stream = subject.endpoint.stream()
                request = encode_request("GET", subject.websocket_path, headers=fields_of(subject))
                stream.send(request[:data])
        except ClientTimeout:
            break  # nobody is served any more
        except ClientError:
            pass  # the last one may still have its place
        finally:
            if stream is not None:
                stream.reset() if end == "reset" else stream.close()
    began = time.monotonic()
    try:
        _works(subject)
    except ClientError as error:
        seconds = time.monotonic() - began
        expect(
            False,
            f"After clients had {ENDED[end]} their connection {where}, "
            f"no WebSocket opened within {seconds:.1f} s: {uncapitalized(str(error))}",
        )


def _works(subject: Subject) -> None:
    """Open a WebSocket, and get a pong."""
    with Conversation(subject) as talk:
        talk.send_frames(NEXT_PING)
        await_answers(talk, [], [NEXT_PING.payload])


STALLS: dict[str, bytes] = {
    "in a frame's head": b"\x81",
    "in a payload": Frame(TEXT, b"x" * 10, length=100).encode(),
    "between fragments": Frame(TEXT, b"x", fin=False).encode(),
    "in a continuation": Frame(TEXT, b"x", fin=False).encode()
    + Frame(CONTINUATION, b"y" * 3, length=50).encode(),
}


@check(
    "websocket.stalled",
    "RFC 6455, section 10.7; ESP-IDF, components/esp_http_server/src/httpd_ws.c",
    Severity.ROBUSTNESS,
    needs="websocket",
    plain=True,
    cases={name: (name, data) for name, data in STALLS.items()},
    limit=90,
    estimate=3,
)
def stalled(subject: Subject, case: tuple[str, bytes]) -> Observation | None:
    """While one client stops in the middle of a frame, others are served."""
    where, data = case
    with ExitStack() as stack:
        first = stack.enter_context(Conversation(subject))
        first.over = True  # it does not close in an orderly way
        first.send(data)
        began = time.monotonic()
        http, ws = subject.answers(), True
        try:
            _works(subject)
        except ClientError:
            ws = False
        seconds = time.monotonic() - began
    expect(
        http and ws,
        f"While one client stops {where}, {'no WebSocket opens' if http else 'no GET is answered'} "
        f"within {PATIENCE:g} s.",
    )
    if seconds > PATIENCE / 3:
        return Observation(f"A client that stops {where} holds others up for {seconds:.1f} s.")
    return None


@check(
    "websocket.unread",
    "RFC 9293, section 3.8.6",
    Severity.ROBUSTNESS,
    needs="websocket",
    plain=True,
    limit=90,
    estimate=4,
)
def unread(subject: Subject) -> Observation | None:
    """While one client sends and reads nothing, others are served."""
    with ExitStack() as stack:
        first = stack.enter_context(Conversation(subject))
        first.over = True
        kind = TEXT if subject.websocket and subject.websocket.echo else PING
        size = 1000 if kind == TEXT else 100
        try:
            for _ in range(120):
                first.socket.stream.send(Frame(kind, b"u" * size).encode(), 0.5)
        except ClientError:
            pass  # it takes no more
        began = time.monotonic()
        served = subject.answers()
        seconds = time.monotonic() - began
    expect(
        served,
        "While one client sends messages and does not read, no GET is answered within "
        f"{PATIENCE:g} s.",
    )
    if seconds > PATIENCE / 3:
        return Observation(f"A client that does not read holds others up for {seconds:.1f} s.")
    return None


@check(
    "websocket.places",
    "ESP-IDF, components/esp_http_server, max_open_sockets",
    Severity.ROBUSTNESS,
    needs="websocket",
    estimate=4,
)
def places(subject: Subject) -> Observation:
    """Several WebSockets can be open at once, and all of them work."""
    with ExitStack() as stack:
        talks: list[Conversation] = []
        refused = ""
        for _ in range(MOST):
            try:
                talks.append(stack.enter_context(Conversation(subject)))
            except ClientError as error:
                refused = reason(error)
                break
        opened = len(talks)
        for talk in talks:
            talk.send_frames(NEXT_PING)
        gone = 0
        deadline = Deadline(PATIENCE)  # for all of them, as all were asked at once
        for talk in talks:
            got = talk.next(deadline)
            while got is not None and got.kind == "message":
                got = talk.next(deadline)
            gone += got is None or got.kind != "pong"
        http = subject.answers(timeout=4.0)
    if opened == 0:
        raise NotApplicable("No WebSocket opens.")
    working = opened - gone
    figure = Figure(
        "websocket.places", "WebSockets that work at once", working, better="higher", tolerance=0
    )
    parts = []
    if refused:
        parts.append(f"Beside {counted(opened, 'open WebSocket')}, one more fails: {refused}")
    if gone:
        verb = "answers" if gone == 1 else "answer"
        parts.append(f"{gone} of {opened} WebSockets that opened no longer {verb} pings.")
    if not http:
        are = "WebSocket is" if opened == 1 else "WebSockets are"
        parts.append(f"While {opened} {are} open, no GET is answered.")
    expect(
        gone < opened,
        f"None of {counted(opened, 'WebSocket')} that opened still answers pings.",
    )
    return Observation(" ".join(parts), [figure])
