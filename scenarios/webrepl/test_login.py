# SPDX-License-Identifier: MIT
"""WebREPL's password: MicroPython's prompt and answers, delays, and competing clients."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest
from espbench.clients import ByteStream, ClientError, ClientTimeout, Endpoints, Frame, WebRepl
from espbench.clients.webrepl import GET, request
from espbench.clients.websocket import PING, RawWebSocket
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

from .clients import BOTH, PASSWORD, WRONG, Opens, attempt, refusal


@BOTH
def test_the_texts_of_the_protocol(scheme: str, opens: Opens) -> None:
    """The prompt and the greeting are MicroPython's, to the byte."""
    with opens(scheme) as socket:
        assert socket.receive() == "Password: "
        socket.send(PASSWORD + "\r")
        assert socket.receive() == "\r\nWebREPL connected\r\n>>> "


@BOTH
def test_a_wrong_password(scheme: str, endpoints: Endpoints) -> None:
    """A wrong password gets MicroPython's answer, then a close with 1008."""
    text, code, _ = attempt(endpoints, WRONG, scheme)
    assert (text, code) == ("\r\nAccess denied\r\n", 1008)
    with endpoints[scheme].websockets_client("/webrepl") as socket:
        assert WebRepl(socket, PASSWORD).line("1") == "1\n"


def test_the_delay_grows_and_blocks_nobody(endpoints: Endpoints) -> None:
    """Each wrong password is answered later; HTTP is not delayed, and nobody is locked out."""
    delays = [attempt(endpoints, WRONG)[2] for _ in range(3)]
    assert 0.25 <= delays[0] < delays[1] < delays[2]
    assert delays[1] >= 0.5
    assert delays[2] >= 1.0
    impatient = endpoints.http.websocket("/webrepl")
    impatient.receive()
    impatient.send(WRONG + "\r")
    started = time.monotonic()
    assert endpoints.http.get("/hello").status == 200
    assert time.monotonic() - started < 1.0
    with pytest.raises(ClientTimeout):
        impatient.receive(0.5)
    # The right password waits as long as a wrong one, so the delay reveals nothing.
    with endpoints.https.websockets_client("/webrepl") as socket:
        started = time.monotonic()
        repl = WebRepl(socket, PASSWORD, timeout=20)
        assert 1.0 <= time.monotonic() - started < 9.0
        assert repl.line("1") == "1\n"
    impatient.close()
    # A successful login resets the delay.
    assert attempt(endpoints, WRONG)[2] < 0.9
    with endpoints.http.websockets_client("/webrepl") as socket:
        WebRepl(socket, PASSWORD)


def test_going_away_does_not_shorten_the_delay(endpoints: Endpoints) -> None:
    """Failures count when they are sent, so a client gains nothing by not waiting for answers."""
    for _ in range(3):
        websocket = endpoints.http.websocket("/webrepl")
        websocket.receive()
        websocket.send(WRONG + "\r")
        websocket.send_frame(Frame(PING, b"taken"))
        websocket.receive_pong()
        websocket.close()
    assert attempt(endpoints, WRONG)[2] >= 2.0
    with endpoints.http.websockets_client("/webrepl") as socket:
        WebRepl(socket, PASSWORD, timeout=20)


@pytest.fixture
def set_password(shared_device: Device) -> Iterator[Callable[[str], None]]:
    """Return a function that changes the password until the scenario ends."""

    def change(password: str) -> None:
        shared_device.exec(f"import webrepl\nwebrepl.start({password!r})")

    yield change
    change(PASSWORD)


@pytest.mark.parametrize(
    "password",
    ["x", "pass word", "ten-to-the-limit-of-nine-and-more", "pässwörd-€", "x" * 128],
    ids=["one", "space", "long", "utf-8", "longest"],
)
def test_passwords_of_all_lengths(
    password: str, set_password: Callable[[str], None], endpoints: Endpoints
) -> None:
    """Passwords of 1 to 128 bytes work, and are compared in full."""
    set_password(password)
    with endpoints.http.websockets_client("/webrepl") as socket:
        assert WebRepl(socket, password).line("1") == "1\n"
    assert attempt(endpoints, password + "x")[0] == "\r\nAccess denied\r\n"
    assert attempt(endpoints, password[:-1])[0] == "\r\nAccess denied\r\n"
    with endpoints.http.websockets_client("/webrepl") as socket:
        assert WebRepl(socket, password).line("1") == "1\n"


def test_a_password_in_pieces(endpoints: Endpoints) -> None:
    """Keys may arrive one by one, with corrections; anything after the password is REPL input."""
    with endpoints.http.websockets_client("/webrepl") as socket:
        for key in "expp\x7f\x7f\x08spbench\r1 + 1\r":
            socket.send(key)
        text = ""
        while "\r\n2\r\n>>> " not in text:
            text += str(socket.receive())
        assert text.startswith("Password: \r\nWebREPL connected\r\n>>> 1 + 1")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("webrepl.start()", "no default"),
        ("webrepl.start('')", "no default"),
        ("webrepl.start(password=None)", "no default"),
        ("webrepl.start('x' * 129)", "longer than 128 bytes"),
        ("webrepl.start('a\\rb')", "control character"),
        ("webrepl.start('x', 'webrepl')", "must begin with '/'"),
        ("webrepl.start('x', origins=['device.local'])", "scheme://host"),
        ("webrepl.start('x', ping_interval_ms=-1)", "out of range"),
    ],
)
def test_bad_arguments(call: str, words: str, shared_device: Device) -> None:
    """There is no default password, and an error says what is wrong."""
    shared_device.exec(
        f"import webrepl\n_said = ''\ntry: {call}\nexcept ValueError as e: _said = str(e)"
    )
    error = shared_device.eval("_said")
    assert words in error


@pytest.mark.device(files={"/config.json": json.dumps({"webrepl": {"password": "s3cret-0wner"}})})
def test_nothing_secret_is_shown(device: Device, endpoints: Endpoints) -> None:
    """Neither the right password nor wrong ones are echoed, or printed on the console."""
    assert "s3cret" not in attempt(endpoints, "s3cret-guess")[0]
    with endpoints.http.websockets_client("/webrepl") as socket:
        socket.receive()
        socket.send("s3cret-0wner\r")
        assert socket.receive() == "\r\nWebREPL connected\r\n>>> "
        socket.send("1\r")
    device.settle()
    assert "wrong password" in device.console.text
    assert "s3cret" not in device.console.text


@pytest.mark.failures("ws_too_big")
def test_strangers_take_no_memory(shared_device: Device, endpoints: Endpoints) -> None:
    """Before login, messages are limited to 512 bytes, and files are refused."""
    websocket = endpoints.http.websocket("/webrepl")
    websocket.receive()
    websocket.send("x" * 513)
    assert websocket.receive_close().code == 1009
    websocket.wait_until_gone()
    websocket.stream.close()
    websocket = endpoints.http.websocket("/webrepl")
    websocket.receive()
    websocket.send(request(GET, "/main.py"))
    assert refusal(websocket) == ("\r\nLog in first\r\n", 1008)


def test_strangers_do_not_keep_the_owner_out(endpoints: Endpoints) -> None:
    """Clients that never type a password cannot block: the one that waits longest is dropped."""
    strangers = [endpoints.http.websocket("/webrepl") for _ in range(4)]
    for stranger in strangers:
        assert stranger.receive() == "Password: "
    with endpoints.http.websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert refusal(strangers[0]) == ("\r\nToo many clients without a password\r\n", 1013)
        for stranger in strangers[1:]:
            assert refusal(stranger) == ("\r\nWebREPL is in use by another client\r\n", 1013)
        assert repl.line("1") == "1\n"


def send_password(endpoints: Endpoints, password: str, scheme: str = "ws") -> RawWebSocket:
    """Return a client whose password is being checked."""
    websocket = endpoints[scheme].websocket("/webrepl")
    assert websocket.receive() == "Password: "
    websocket.send(password + "\r")
    websocket.send_frame(Frame(PING, b"judged"))
    assert websocket.receive_pong() == b"judged"
    return websocket


@pytest.mark.failures("ws_close_timeout")
@BOTH
def test_nobody_pushes_out_who_waits_for_an_answer(scheme: str, endpoints: Endpoints) -> None:
    """After many wrong passwords the owner waits 8 s and gets in, however many others connect."""
    for _ in range(6):
        send_password(endpoints, WRONG).close()
    started = time.monotonic()
    owner = send_password(endpoints, PASSWORD, scheme)
    guests = []
    for _ in range(6):
        guests.append(endpoints.http.websocket("/webrepl"))
        assert guests[-1].receive() == "Password: "
    assert owner.receive(Deadline(20)) == "\r\nWebREPL connected\r\n>>> "
    assert time.monotonic() - started >= 8.0
    refusals = [refusal(guest) for guest in guests]
    assert refusals[:3] == [("\r\nToo many clients without a password\r\n", 1013)] * 3
    assert refusals[3:] == [("\r\nWebREPL is in use by another client\r\n", 1013)] * 3
    owner.close()


def connects_and_stays(endpoints: Endpoints, scheme: str, turn: int) -> ByteStream:
    """Return a connection of an intruder: each turn another kind."""
    kind = turn % 4
    if kind == 0:
        return endpoints[scheme].raw()
    if kind == 1:
        return endpoints[scheme].websocket("/ws").stream
    websocket = endpoints[scheme].websocket("/webrepl")
    if kind == 2:
        websocket.receive(1)
        websocket.send(WRONG + "\r")
    return websocket.stream


@pytest.mark.failures(
    *("refused", "peer_reset", "ws_close_timeout", "handshake_closed", "handshake_timeout")
)
@BOTH
def test_nobody_pushes_out_who_waits_while_others_come(scheme: str, endpoints: Endpoints) -> None:
    """After six wrong passwords the owner gets in, whatever others open twice a second."""
    for _ in range(6):
        send_password(endpoints, WRONG).close()
    owner = send_password(endpoints, PASSWORD, scheme)
    deadline = Deadline(20)
    with ExitStack() as stack:
        turn, text = 0, ""
        while not text:
            assert not deadline.expired(), f"the owner waits although {turn} others have come"
            with suppress(ClientError):
                stack.callback(connects_and_stays(endpoints, scheme, turn).close)
            turn += 1
            with suppress(ClientTimeout):
                text = str(owner.receive(0.5))
        assert text == "\r\nWebREPL connected\r\n>>> "
    owner.close()


def test_one_password_more_than_can_wait(endpoints: Endpoints) -> None:
    """While four passwords are being checked, a fifth client is asked to try again; they stay."""
    send_password(endpoints, WRONG).close()
    send_password(endpoints, WRONG).close()
    strangers = [send_password(endpoints, WRONG) for _ in range(3)]
    owner = send_password(endpoints, PASSWORD)
    for scheme in ("ws", "wss"):
        assert refusal(endpoints[scheme].websocket("/webrepl")) == (
            "\r\nOther passwords are being checked: try again\r\n",
            1013,
        )
    for stranger in strangers:
        assert refusal(stranger) == ("\r\nAccess denied\r\n", 1008)
    assert owner.receive(Deadline(20)) == "\r\nWebREPL connected\r\n>>> "
    owner.close()
