# SPDX-License-Identifier: MIT
"""WebREPL: MicroPython's protocol, spoken by clients that know nothing of this bench."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest
import websocket
from espbench.clients import (
    ClientTimeout,
    ConnectionEnded,
    Doors,
    Frame,
    Target,
    WebRepl,
    WebSocketError,
)
from espbench.clients.webrepl import GET, PROMPT, PUT, VERSION, request
from espbench.clients.websocket import CLOSE, PING, WebSocket, close_payload, upgrade_headers
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

PASSWORD = "espbench"
WRONG = "not-the-password"
BOTH = pytest.mark.parametrize("scheme", ["ws", "wss"])
NODE_WS = "ws@8.18.0"
EINVAL, ENOENT, EISDIR, ENOSPC = 22, 2, 21, 28


class WebsocketClient:
    """The library websocket-client, as the users' guide has it: certificates are not verified."""

    def __init__(self, url: str) -> None:
        self.connection = websocket.create_connection(
            url, timeout=10, sslopt={"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
        )

    def send(self, data: str | bytes) -> None:
        """Send one message."""
        text = isinstance(data, str)
        self.connection.send(
            data, websocket.ABNF.OPCODE_TEXT if text else websocket.ABNF.OPCODE_BINARY
        )

    def receive(self, timeout: float | Deadline | None = None) -> str | bytes:
        """Return the next message."""
        self.connection.settimeout(Deadline.of(10.0 if timeout is None else timeout).remaining())
        try:
            opcode, data = self.connection.recv_data()
        except websocket.WebSocketTimeoutException:
            raise ClientTimeout("websocket-client got no message in time.") from None
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise WebSocketError(f"The device closed with {int.from_bytes(data[:2], 'big')}.")
        return str(data, "utf-8") if opcode == websocket.ABNF.OPCODE_TEXT else bytes(data)

    def __enter__(self) -> Self:
        """Return the connection."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.connection.close()


Opens = Callable[[str], Any]


@pytest.fixture(params=["websocket-client", "websockets"])
def opens(request: pytest.FixtureRequest, doors: Doors) -> Opens:
    """Return what opens a WebSocket for a scheme, of each library in turn."""
    if request.param == "websocket-client":
        return lambda scheme: WebsocketClient(doors[scheme].url("/webrepl", websocket=True))
    return lambda scheme: doors[scheme].well_behaved("/webrepl")


@pytest.fixture
def repl(doors: Doors) -> Iterator[WebRepl]:
    """Return a session over ws."""
    with doors.http.well_behaved("/webrepl") as socket:
        yield WebRepl(socket, PASSWORD)


def refusal(websocket: WebSocket) -> tuple[str, int]:
    """Return what a client is told, and the code that it is closed with."""
    text = ""
    while True:
        try:
            text += str(websocket.receive())
        except WebSocketError as error:
            code = int(str(error).split(" with ")[1].split()[0])
            websocket.send_frame(Frame(CLOSE, close_payload(code)))
            websocket.wait_until_gone()
            websocket.stream.close()
            return text, code


def attempt(doors: Doors, password: str, scheme: str = "ws") -> tuple[str, int, float]:
    """Try a password; return the answer, the close code and the seconds that it took."""
    websocket = doors[scheme].websocket("/webrepl")
    assert websocket.receive() == "Password: "
    started = time.monotonic()
    websocket.send(password + "\r")
    text, code = refusal(websocket)
    return text, code, time.monotonic() - started


# ---------------------------------------------------------------- the password


@BOTH
def test_the_texts_of_the_protocol(scheme: str, opens: Opens) -> None:
    """The prompt and the greeting are MicroPython's, to the byte."""
    with opens(scheme) as socket:
        assert socket.receive() == "Password: "
        socket.send(PASSWORD + "\r")
        assert socket.receive() == "\r\nWebREPL connected\r\n>>> "


@BOTH
def test_a_wrong_password(scheme: str, doors: Doors) -> None:
    """A wrong password gets MicroPython's answer, then a close with 1008."""
    text, code, _ = attempt(doors, WRONG, scheme)
    assert (text, code) == ("\r\nAccess denied\r\n", 1008)
    with doors[scheme].well_behaved("/webrepl") as socket:
        assert WebRepl(socket, PASSWORD).line("1") == "1\n"


def test_the_delay_grows_and_blocks_nobody(doors: Doors) -> None:
    """Each wrong password waits longer for its answer; HTTP does not, and nobody is locked out."""
    delays = [attempt(doors, WRONG)[2] for _ in range(3)]
    assert 0.25 <= delays[0] < delays[1] < delays[2]
    assert delays[1] >= 0.5
    assert delays[2] >= 1.0
    impatient = doors.http.websocket("/webrepl")
    impatient.receive()
    impatient.send(WRONG + "\r")
    started = time.monotonic()
    assert doors.http.get("/hello").status == 200
    assert time.monotonic() - started < 1.0
    with pytest.raises(ClientTimeout):
        impatient.receive(0.5)
    # The owner's right password waits as long as a wrong one: the wait tells nothing.
    with doors.https.well_behaved("/webrepl") as socket:
        started = time.monotonic()
        repl = WebRepl(socket, PASSWORD, timeout=20)
        assert 1.0 <= time.monotonic() - started < 9.0
        assert repl.line("1") == "1\n"
    impatient.close()
    # A good login forgives.
    assert attempt(doors, WRONG)[2] < 0.9
    with doors.http.well_behaved("/webrepl") as socket:
        WebRepl(socket, PASSWORD)


def test_going_away_does_not_shorten_the_delay(doors: Doors) -> None:
    """Failures count when they are sent, so a client cannot hurry by not waiting for answers."""
    for _ in range(3):
        websocket = doors.http.websocket("/webrepl")
        websocket.receive()
        websocket.send(WRONG + "\r")
        websocket.send_frame(Frame(PING, b"taken"))
        websocket.receive_pong()
        websocket.close()
    assert attempt(doors, WRONG)[2] >= 2.0
    with doors.http.well_behaved("/webrepl") as socket:
        WebRepl(socket, PASSWORD, timeout=20)


@pytest.fixture
def set_password(shared_device: Device) -> Iterator[Callable[[str], None]]:
    """Return what changes the password until the scenario ends."""

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
    password: str, set_password: Callable[[str], None], doors: Doors
) -> None:
    """Passwords of 1 to 128 bytes work, and only whole."""
    set_password(password)
    with doors.http.well_behaved("/webrepl") as socket:
        assert WebRepl(socket, password).line("1") == "1\n"
    assert attempt(doors, password + "x")[0] == "\r\nAccess denied\r\n"
    assert attempt(doors, password[:-1])[0] == "\r\nAccess denied\r\n"
    with doors.http.well_behaved("/webrepl") as socket:
        assert WebRepl(socket, password).line("1") == "1\n"


def test_a_password_in_pieces(doors: Doors) -> None:
    """Keys may come one by one, with mistakes, and whatever follows the password is REPL input."""
    with doors.http.well_behaved("/webrepl") as socket:
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
        ("webrepl.start('a\\rb')", "cannot be typed"),
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
def test_nothing_secret_is_shown(device: Device, doors: Doors) -> None:
    """Neither the password nor what was tried instead is echoed, or printed on the console."""
    assert "s3cret" not in attempt(doors, "s3cret-guess")[0]
    with doors.http.well_behaved("/webrepl") as socket:
        socket.receive()
        socket.send("s3cret-0wner\r")
        assert socket.receive() == "\r\nWebREPL connected\r\n>>> "
        socket.send("1\r")
    device.settle()
    assert "wrong password" in device.console.text
    assert "s3cret" not in device.console.text


@pytest.mark.failures("ws_too_big")
def test_strangers_take_no_memory(shared_device: Device, doors: Doors) -> None:
    """Before the login a message may have 512 bytes, and files are refused."""
    websocket = doors.http.websocket("/webrepl")
    websocket.receive()
    websocket.send("x" * 513)
    assert websocket.receive_close().code == 1009
    websocket.wait_until_gone()
    websocket.stream.close()
    websocket = doors.http.websocket("/webrepl")
    websocket.receive()
    websocket.send(request(GET, "/main.py"))
    assert refusal(websocket) == ("\r\nLog in first\r\n", 1008)


def test_strangers_do_not_keep_the_owner_out(doors: Doors) -> None:
    """Clients that never type a password hold no place: the one who waits longest has to go."""
    strangers = [doors.http.websocket("/webrepl") for _ in range(4)]
    for stranger in strangers:
        assert stranger.receive() == "Password: "
    with doors.http.well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert refusal(strangers[0]) == ("\r\nToo many clients without a password\r\n", 1013)
        for stranger in strangers[1:]:
            assert refusal(stranger) == ("\r\nWebREPL is in use by another client\r\n", 1013)
        assert repl.line("1") == "1\n"


# ---------------------------------------------------------------- the REPL


@BOTH
def test_lines(scheme: str, opens: Opens) -> None:
    """Values, output and exceptions come back; code runs in __main__ and state stays."""
    with opens(scheme) as socket:
        repl = WebRepl(socket, PASSWORD)
        assert repl.line("6 * 7") == "42\n"
        assert repl.line("print('\\xe4\\u20ac\\U0001f600')") == "ä€😀\n"
        assert repl.line("1 // 0").endswith("ZeroDivisionError: divide by zero\n")
        assert repl.line("_kept = 5") == ""
        assert repl.line("_kept, __name__") == "(5, '__main__')\n"
        assert repl.line("del _kept") == ""


def test_editing(repl: WebRepl) -> None:
    """Blocks are indented, arrows edit and recall lines, tab completes, Ctrl-C drops a line."""
    assert repl.type("for i in range(2):\r", "... ").endswith("\r\n... ")
    assert repl.type("print(i)\r\r\r\r").endswith("0\r\n1\r\n>>> ")
    assert repl.type("1 + 3\x1b[D\x1b[D2 * \r").endswith("\r\n7\r\n>>> ")
    assert repl.type("\x1b[A\r").endswith("\r\n7\r\n>>> ")
    assert repl.type("impo\tsys\r").startswith("import sys\r\n")
    assert repl.type("not finished\x03") == "not finished\r\n>>> "
    assert repl.type("x = [\r1,\r\x032\r", "2\r\n>>> ").endswith("\r\n>>> 2\r\n2\r\n>>> ")


def test_paste_mode(repl: WebRepl) -> None:
    """Ctrl-E takes a text as it is, to Ctrl-D; Ctrl-C cancels it."""
    assert repl.type("\x05", "=== ").endswith("Ctrl-D to finish\r\n=== ")
    answer = repl.type("def f(n):\r    return n * 2\r\rprint(f(21))\r\x04")
    assert answer.endswith("\r\n42\r\n>>> ")
    repl.type("\x05", "=== ")
    assert repl.type("print('no')\x03").endswith("no')\r\n>>> ")


def raw(repl: WebRepl, source: str) -> tuple[str, str]:
    """Run source in the raw REPL; return its output and its traceback."""
    answer = repl.type(source + "\x04", "\x04>")
    assert answer.startswith("OK")
    output, error = answer[2:-1].split("\x04")[:2]
    return output, error


@BOTH
def test_raw_repl(scheme: str, doors: Doors) -> None:
    """Ctrl-A is the raw REPL, without echo and with output and errors apart; Ctrl-B leaves it."""
    with doors[scheme].well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert repl.type("\x01", "\r\n>") == "\r\nraw REPL; CTRL-B to exit\r\n>"
        assert raw(repl, "print(1)\nprint(2)") == ("1\r\n2\r\n", "")
        output, error = raw(repl, "print('x')\nfoo")
        assert output == "x\r\n"
        assert "NameError" in error
        assert raw(repl, "junk\x03print(3)") == ("3\r\n", "")
        assert repl.type("\x01", "\r\n>") == "raw REPL; CTRL-B to exit\r\n>"
        banner = repl.type("\x02")
        assert "MicroPython v" in banner
        assert banner.endswith("\r\n>>> ")
        assert repl.line("1") == "1\n"


def test_others_do_not_spoil_the_raw_repl(shared_device: Device, repl: WebRepl) -> None:
    """What the application prints is shown at the friendly prompt, and kept out of raw answers."""
    shared_device.exec("print('from the application')")
    assert repl.read_until("application\r\n") == "from the application\r\n"
    repl.type("\x01", "\r\n>")
    shared_device.exec("print('from the application')")
    assert raw(repl, "print(1)") == ("1\r\n", "")


def raw_paste(repl: WebRepl, source: str, *, extra: str = "\x04") -> str:
    """Run source as mpremote does, by raw paste with flow control; return all of the answer."""
    assert repl.type("\x05A\x01", "R\x01", "R\x00") == "R\x01"
    window = int.from_bytes(repl.read_until("\x01")[:2].encode(), "little")
    room, at, answer = window, 0, ""
    while at < len(source):
        if room == 0:
            token = repl.read_until("\x01", "\x04")
            assert token == "\x01", token
            room = window
        piece = source[at : at + min(room, 256)]
        repl.socket.send(piece)
        at += len(piece)
        room -= len(piece)
    repl.socket.send(extra)
    while answer.count("\x04") < 3:
        answer += repl.read_until("\x04")
    repl.read_until(">")
    return answer.replace("\x01", "")


@BOTH
def test_raw_paste(scheme: str, doors: Doors) -> None:
    """Raw paste takes 12 kB of source, compiles while it comes, and reports errors in it."""
    with doors[scheme].well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type("\x01", "\r\n>")
        source = "".join(f"x{i} = {i} # {'-' * 60}\n" for i in range(160)) + "print(x159)\n"
        assert raw_paste(repl, source) == "\x04159\r\n\x04\x04"
        assert "SyntaxError" in raw_paste(repl, "x = (\n")
        assert raw_paste(repl, "print('short')") == "\x04short\r\n\x04\x04"
        repl.type("\x02")
        assert repl.line("2") == "2\n"


def test_raw_paste_that_ends_in_the_middle(doors: Doors) -> None:
    """A client that goes away in a raw paste leaves a REPL that the next one can use."""
    with doors.http.well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type("\x01", "\r\n>")
        repl.type("\x05A\x01", "\x01")
        socket.send("print('half")
    with doors.http.well_behaved("/webrepl") as socket:
        assert WebRepl(socket, PASSWORD).line("1") == "1\n"


def test_input_reads_from_the_session(repl: WebRepl) -> None:
    """input() and sys.stdin of code that came over WebREPL read what its client types."""
    assert repl.type("_name = input('who? ')\r", "who? ").endswith("who? ")
    assert repl.type("the owner\r").endswith("the owner\r\n>>> ")
    assert repl.line("_name") == "'the owner'\n"
    repl.socket.send("import sys\r_three = sys.stdin.read(3)\r")
    repl.read_until("read(3)\r\n")
    assert repl.type("abc", PROMPT) == ">>> "
    assert repl.line("_three") == "'abc'\n"


# ---------------------------------------------------------------- Ctrl-C


@BOTH
@pytest.mark.parametrize(
    "source",
    [
        "while True: pass\r\r",
        "while True: print('and on')\r\r",
        "__import__('time').sleep(60)\r",
        "input()\r",
        "sum(i * i for i in range(10**9))\r",
    ],
    ids=["loop", "printing", "sleep", "input", "generator"],
)
def test_ctrl_c_interrupts_at_once(scheme: str, source: str, doors: Doors) -> None:
    """Ctrl-C ends whatever the session runs, before all else that waits for MicroPython."""
    with doors[scheme].well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type(source, "\r\n")
        time.sleep(0.1)
        started = time.monotonic()
        answer = repl.type("\x03", "KeyboardInterrupt: \r\n>>> ")
        assert time.monotonic() - started < 1.0
        assert "Traceback" in answer
        assert repl.line("1") == "1\n"


def test_ctrl_c_for_a_line_is_for_the_line_alone(shared_device: Device, doors: Doors) -> None:
    """With something typed, or in the raw REPL, Ctrl-C does not touch the application."""
    with doors.http.well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type("half a line", "line")
        assert repl.type("\x03") == "\r\n>>> "
        repl.type("\x01", "\r\n>")
        socket.send("\x03")
        assert raw(repl, "print(1)") == ("1\r\n", "")
    assert doors.http.get("/hello").status == 200  # handlers run in the application's loop


def test_ctrl_c_at_the_prompt_ends_the_application(device: Device, doors: Doors) -> None:
    """As any terminal of MicroPython: at an empty prompt it is for the application.

    WebREPL lives on at the console's prompt, and a soft reset brings the application back.
    """
    with doors.http.well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert "KeyboardInterrupt" in repl.type("\x03", "KeyboardInterrupt: \r\n")
        device.console.expect(r"MicroPython v.*\n.*\n>>> ")
        assert repl.type("_here = 1\r", "_here = 1\r\n>>> ")
        assert repl.line("_here") == "1\n"
        repl.put("/note.txt", b"still here")
        assert repl.get("/note.txt") == b"still here"
        assert device.console.repl("_here + 1") == "2"
        seen = len(device.events)
        socket.send("\x04")
        with pytest.raises(WebSocketError, match="1012"):
            repl.read_until("never")
    device.wait_for_event("listening", since=seen)
    device.wait_ready()
    assert doors.http.get("/hello").status == 200


NEVER_ASKS = """
from esp32 import httpserver, webrepl
webrepl.start('espbench')
httpserver.start()
while True:
    pass
"""


def test_an_application_that_never_asks(device_factory: Callable[..., Device]) -> None:
    """A main.py in a loop without process_queue() can be logged in to and interrupted."""
    device = device_factory(files={"/main.py": NEVER_ASKS}, ready="control")
    device.wait_for_event("listening")
    with WebsocketClient(device.ws("/webrepl")) as socket:
        repl = WebRepl(socket, PASSWORD)
        socket.send("\x03")
        device.console.expect("KeyboardInterrupt")
        assert "\r\n2\r\n" in repl.type("1 + 1\r", "\r\n2\r\n")


# ---------------------------------------------------------------- output


def frames_of(repl: WebRepl, source: str, end: str) -> list[str]:
    """Type source; return the frames that come back, up to the one with this end."""
    repl.socket.send(source)
    frames: list[str] = []
    while not "".join(frames).endswith(end):
        frames.append(str(repl.socket.receive()))
    return frames


@BOTH
def test_output_is_batched(scheme: str, doors: Doors) -> None:
    """A thousand prints come in frames of about a kilobyte, all and in order."""
    with doors[scheme].well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        frames = frames_of(repl, "for i in range(1000): print(i)\r\r", "999\r\n>>> ")
        lines = "".join(frames).split("\r\n")[2:-1]
        assert lines == [str(number) for number in range(1000)]
        assert len(frames) <= 40, len(frames)
        assert max(map(len, frames)) <= 1024


def test_no_character_is_cut(repl: WebRepl) -> None:
    """Each frame is UTF-8 by itself (the client's library sees to it), wherever it is cut."""
    for text in ("€" * 2000, "😀" * 1500, "aä€😀" * 700):
        source = f"print({text[:4]!a} * {len(text) // 4})\r"
        answer = "".join(frames_of(repl, source, "\r\n>>> "))
        assert answer.split("\r\n")[1] == text


def test_what_is_not_utf_8(repl: WebRepl) -> None:
    """Bytes that no text frame may hold are shown as question marks."""
    source = "import sys; _ = sys.stdout.buffer.write(b'a\\xffb\\xe2\\x82c\\xc3\\xa4\\n')\r"
    assert repl.type(source).endswith("\r\na?b??cä\n>>> ")


def test_output_does_not_wait_for_the_end(repl: WebRepl) -> None:
    """What was printed is shown while the program sleeps or computes."""
    for wait in ("time.sleep(1)", "sum(range(400000))"):
        repl.socket.send(f"import time; print('now'); {wait}\r")
        repl.read_until("\r\n")
        started = time.monotonic()
        repl.read_until("now\r\n")
        assert time.monotonic() - started < 0.4
        repl.read_until(PROMPT)


@BOTH
def test_a_slow_reader_loses_nothing(scheme: str, doors: Doors) -> None:
    """A client that does not read for a while gets all of 300 kB, and HTTP goes on meanwhile."""
    websocket = doors[scheme].websocket("/webrepl")
    repl = WebRepl(websocket, PASSWORD)
    websocket.send("for i in range(3000): print(i, '-' * 95)\r\r")
    time.sleep(1)
    text = repl.read_until("2999 " + "-" * 95 + "\r\n>>> ")
    numbers = [line.split()[0] for line in text.split("\r\n")[2:-1]]
    assert numbers == [str(number) for number in range(3000)]
    websocket.close()


@pytest.mark.failures("send_timeout", "peer_reset")
def test_a_client_that_takes_nothing(device: Device, doors: Doors) -> None:
    """A client that has vanished loses its session after some seconds; the program goes on."""
    lost = doors.http.websocket("/webrepl")
    repl = WebRepl(lost, PASSWORD)
    repl.type("n = 0\rimport time\r")
    repl.type("while True: n += 1; print('-' * 99); time.sleep_ms(5)\r\r", "---")
    device.heap_reset()
    free = device.heap().free
    device.monitor("set_link", name="net0", up=False)
    deadline = Deadline(30)
    while device.stats()["websocket"]["open"]:
        assert not deadline.expired()
        device.wait_for_change(0.1)
    before = device.eval("n")
    assert free - device.heap().low_water < 60_000  # what nobody takes is not piled up
    device.wait_for_change(0.2)
    assert device.eval("n") > before
    device.monitor("set_link", name="net0", up=True)
    with doors.http.well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type("\x03", "KeyboardInterrupt: \r\n")
    lost.stream.close()


# ---------------------------------------------------------------- soft reset


@BOTH
@pytest.mark.parametrize(
    "keys",
    ["\x04", "import machine; machine.soft_reset()\r", "raise SystemExit\r", "\x01\x04"],
    ids=["ctrl-d", "machine", "SystemExit", "raw"],
)
def test_soft_reset(scheme: str, keys: str, shared_device: Device, doors: Doors) -> None:
    """A soft reset closes with 1012, starts main.py anew, and the client can come again."""
    seen = len(shared_device.events)
    with doors[scheme].well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.line("_gone = 1")
        socket.send(keys)
        with pytest.raises(WebSocketError, match="1012"):
            repl.read_until("never")
    boot = shared_device.wait_for_event("boot", since=seen)
    assert boot["cause"] == "soft"
    shared_device.wait_ready()
    with doors[scheme].well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert "NameError" in repl.line("_gone")


BLOCK_DEVICE = """
try:
    import flashbdev
    kind = str(type(flashbdev.bdev))
except ImportError:
    kind = "the board's own"
"""


def test_soft_resets_keep_the_flash_mapped(device: Device, doors: Doors) -> None:
    """Files are read through the flash's mapping, however many soft resets there have been."""
    device.exec(BLOCK_DEVICE)
    kind = device.eval("kind")
    for _ in range(6):
        seen = len(device.events)
        with doors.http.well_behaved("/webrepl") as socket:
            repl = WebRepl(socket, PASSWORD)
            socket.send("\x04")
            with pytest.raises(WebSocketError, match="1012"):
                repl.read_until("never")
        device.wait_for_event("boot", since=seen)
        device.wait_ready()
        device.exec(BLOCK_DEVICE)
        assert device.eval("kind") == kind


# ---------------------------------------------------------------- files


def content(size: int) -> bytes:
    """Return this many bytes that are all values and no pattern of a power of two."""
    return bytes((i * 7 + i // 251) & 0xFF for i in range(size))


@BOTH
def test_version(scheme: str, opens: Opens) -> None:
    """The version is MicroPython's; the client need not wait for its greeting before it asks."""
    with opens(scheme) as socket:
        assert socket.receive() == "Password: "
        socket.send(PASSWORD + "\r")
        socket.send(request(VERSION))
        assert socket.receive() == "\r\nWebREPL connected\r\n>>> "
        assert socket.receive() == bytes([1, 25, 0])


@BOTH
@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 1024, 20000])
def test_files_of_all_sizes(scheme: str, size: int, opens: Opens, shared_device: Device) -> None:
    """What was put is on the device, and what is got is what was put."""
    with opens(scheme) as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.put("/file.bin", content(size))
        assert repl.get("/file.bin") == content(size)
        assert repl.line("1") == "1\n"
    assert shared_device.eval("__import__('os').stat('/file.bin')[6]") == size
    shared_device.exec("import os\nos.remove('/file.bin')")


@BOTH
@pytest.mark.parametrize("piece", [1024, 16384])
def test_300_kilobytes(scheme: str, piece: int, shared_device: Device, doors: Doors) -> None:
    """A large file goes up and down through default heaps: the sender is held back, not queued."""
    data = content(300_000)
    with doors[scheme].well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD, timeout=60)
        shared_device.heap_reset()
        before = shared_device.heap()
        repl.put("/large.bin", data, piece=piece)
        after = shared_device.heap()
        assert before.free - after.low_water < 64_000
        assert repl.get("/large.bin") == data
        repl.line("import os; os.remove('/large.bin')")


def test_a_put_replaces(repl: WebRepl) -> None:
    """A second put replaces the first whole, also by something shorter."""
    repl.put("/again.txt", content(5000))
    repl.put("again.txt", b"short")
    assert repl.get("/again.txt") == b"short"
    assert repl.line("import os; os.remove('/again.txt')") == ""


def test_requests_cut_and_joined(repl: WebRepl) -> None:
    """Frames are no borders: a request in pieces, and requests with data in one frame."""
    record = request(PUT, "/cut.txt", 6)
    for start, end in ((0, 2), (2, 12), (12, 76), (76, 82)):
        repl.socket.send(record[start:end])
    assert repl.answer() == 0
    repl.socket.send(b"abc")
    repl.socket.send(b"")
    repl.socket.send(b"def" + request(GET, "/cut.txt") + b"\0")
    assert (repl.answer(), repl.answer()) == (0, 0)
    assert repl.read_bytes(8) == b"\x06\x00abcdef"
    repl.socket.send(b"\0" + request(VERSION) + request(VERSION))
    assert repl.read_bytes(2) == b"\0\0"
    assert repl.answer() == 0
    assert repl.read_bytes(6) == bytes([1, 25, 0, 1, 25, 0])
    repl.socket.send(b"nonsense" * 20)
    assert repl.answer() == EINVAL
    assert repl.version() == (1, 25, 0)
    assert repl.line("import os; os.remove('/cut.txt')") == ""


BAD_NAMES = {
    "empty": "",
    "root": "/",
    "traversal": "../main.py",
    "in-the-middle": "/lib/../main.py",
    "at-the-end": "lib/..",
    "dot": ".",
    "dot-slash": "./x",
    "double-slash": "//x",
    "folder-slash": "x/",
    "newline": "a\nb",
    "control": "a\x01b",
    "delete": "a\x7fb",
    "upload": "/.webrepl-upload",
}


@pytest.mark.parametrize("operation", [PUT, GET], ids=["put", "get"])
@pytest.mark.parametrize("name", list(BAD_NAMES))
def test_bad_names(name: str, operation: int, repl: WebRepl) -> None:
    """Names that leave their folder or are no names are refused with EINVAL; nothing is written."""
    before = repl.line("import os; sorted(os.listdir('/'))")
    repl.socket.send(request(operation, BAD_NAMES[name], 10))
    assert repl.answer() == EINVAL
    assert repl.line("import os; sorted(os.listdir('/'))") == before


def test_bad_requests(repl: WebRepl) -> None:
    """Lies about the name's length, unknown operations and offsets are refused with EINVAL."""
    for record in (
        request(PUT, "abc", 1, name_length=5),
        request(PUT, "abc", 1, name_length=65),
        request(PUT, "abc", 1, name_length=65535),
        request(9, "abc"),
        request(0, "abc"),
        request(PUT, "abc", 1)[:4] + b"\x01" + request(PUT, "abc", 1)[5:],
        request(PUT, "abc", 1)[:18] + b"\xff\xfe\xfd" + bytes(61),
    ):
        repl.socket.send(record)
        assert repl.answer() == EINVAL
    assert repl.version() == (1, 25, 0)


def test_folders_and_missing_files(repl: WebRepl) -> None:
    """A folder is no target, and what is not there cannot be got; the codes are errno's."""
    assert repl.line("import os; os.mkdir('/folder')") == ""
    for record, code in (
        (request(PUT, "/folder", 3), EISDIR),
        (request(GET, "/folder"), EISDIR),
        (request(GET, "/nowhere.txt"), ENOENT),
        (request(PUT, "/nowhere/x.txt", 3), ENOENT),
    ):
        repl.socket.send(record)
        assert repl.answer() == code
    repl.put("/folder/inside.txt", b"inside")
    assert repl.get("/folder/inside.txt") == b"inside"
    assert repl.line("os.remove('/folder/inside.txt'); os.rmdir('/folder')") == ""


RAM_DISK = """
import os, vfs
class _Ram:
    def __init__(self, blocks):
        self.data = bytearray(blocks * 512)
    def readblocks(self, n, buffer, offset=0):
        at = n * 512 + offset
        buffer[:] = self.data[at:at + len(buffer)]
    def writeblocks(self, n, buffer, offset=None):
        at = n * 512 + (offset or 0)
        self.data[at:at + len(buffer)] = buffer
    def ioctl(self, operation, argument):
        return {4: len(self.data) // 512, 5: 512}.get(operation, 0)
_ram = _Ram(48)
vfs.VfsLfs2.mkfs(_ram)
vfs.mount(_ram, '/ram')
"""


def test_a_full_file_system(shared_device: Device, repl: WebRepl) -> None:
    """What does not fit is refused: at once when its size tells, else with the last answer."""
    shared_device.exec(RAM_DISK)
    repl.put("/ram/old.txt", b"old")
    repl.socket.send(request(PUT, "/ram/old.txt", 100_000))
    assert repl.answer() == ENOSPC
    free = shared_device.eval("os.statvfs('/ram')[3] * 512")
    repl.socket.send(request(PUT, "/ram/old.txt", free))
    assert repl.answer() == 0
    for _ in range(free // 512):
        repl.socket.send(bytes(512))  # the file system needs blocks of its own, too
    assert repl.answer() == ENOSPC
    assert shared_device.eval("os.listdir('/ram')") == ["old.txt"]
    assert repl.get("/ram/old.txt") == b"old"
    repl.put("/ram/old.txt", b"new")
    assert repl.get("/ram/old.txt") == b"new"
    shared_device.exec("vfs.umount('/ram')\ndel _ram, _Ram")


@BOTH
@pytest.mark.failures("peer_reset")
@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_upload_cut_in_the_middle(
    scheme: str, how: str, shared_device: Device, doors: Doors
) -> None:
    """What is not complete leaves nothing: the old file stays as it was, alone in its folder."""
    websocket = doors[scheme].websocket("/webrepl")
    repl = WebRepl(websocket, PASSWORD)
    repl.put("/cut.bin", b"the old one")
    before = shared_device.eval("sorted(__import__('os').listdir('/'))")
    websocket.send(request(PUT, "/cut.bin", 50_000))
    assert repl.answer() == 0
    for _ in range(20):
        websocket.send(bytes(1024))
    websocket.send_frame(Frame(PING, b"all there"))
    websocket.receive_pong()
    assert ".webrepl-upload" in shared_device.eval("__import__('os').listdir('/')")
    if how == "close":
        websocket.close()
    else:
        websocket.stream.reset()
    shared_device.settle()
    with doors[scheme].well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert repl.get("/cut.bin") == b"the old one"
        assert shared_device.eval("sorted(__import__('os').listdir('/'))") == before
        repl.line("import os; os.remove('/cut.bin')")


@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
def test_a_reset_in_an_upload(hard: bool, device: Device, doors: Doors) -> None:
    """After a reset in the middle of an upload the file is the old one, and nothing is left."""
    websocket = doors.http.websocket("/webrepl")
    repl = WebRepl(websocket, PASSWORD)
    repl.line("import os; os.mkdir('/app')")
    repl.put("/app/data.bin", b"the old one")
    websocket.send(request(PUT, "/app/data.bin", 50_000))
    assert repl.answer() == 0
    websocket.send(bytes(10_000))
    websocket.send_frame(Frame(PING, b"all there"))
    websocket.receive_pong()
    assert "/app/.webrepl-upload" in device.stored_files() or not hard
    if hard:
        device.reset(hard=True)
    else:
        seen = len(device.events)
        websocket.send("\x04")
        device.wait_for_event("listening", since=seen)
        device.wait_ready()
    websocket.stream.close()
    assert device.eval("__import__('os').listdir('/app')") == ["data.bin"]
    assert device.get("/app/data.bin") == b"the old one"


def test_http_goes_on_in_a_transfer(repl: WebRepl, doors: Doors) -> None:
    """Requests are answered while a file comes and goes, and the REPL too."""
    data = content(60_000)
    repl.socket.send(request(PUT, "/slow.bin", len(data)))
    assert repl.answer() == 0
    for position in range(0, len(data), 1024):
        repl.socket.send(data[position : position + 1024])
        if position % 10_240 == 0:
            assert doors.http.get("/hello").text == "hello\n"
            assert repl.line("1 + 1") == "2\n"
    assert repl.answer() == 0
    repl.socket.send(request(GET, "/slow.bin"))
    assert repl.answer() == 0
    repl.socket.send(b"\0")
    assert repl.read_bytes(258)[2:] == data[:256]
    assert doors.https.get("/hello").text == "hello\n"
    repl.socket.send(b"\0")
    assert repl.read_bytes(258)[2:] == data[256:512]


# ---------------------------------------------------------------- one session


@pytest.mark.parametrize(("first", "second"), [("ws", "ws"), ("ws", "wss"), ("wss", "ws")])
def test_a_second_session_is_refused(first: str, second: str, doors: Doors) -> None:
    """The second is told why and closed with 1013, at once, also while the first runs code."""
    with doors[first].well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        expected = ("\r\nWebREPL is in use by another client\r\n", 1013)
        assert refusal(doors[second].websocket("/webrepl")) == expected
        repl.type("while True: pass\r\r", "... \r\n")
        started = time.monotonic()
        assert refusal(doors[second].websocket("/webrepl")) == expected
        assert time.monotonic() - started < 2.0
        repl.type("\x03", "KeyboardInterrupt: \r\n>>> ")
    with doors[second].well_behaved("/webrepl") as socket:
        assert WebRepl(socket, PASSWORD).line("1") == "1\n"


@BOTH
@pytest.mark.failures("peer_reset")
def test_the_place_is_free_after_a_reset(scheme: str, doors: Doors) -> None:
    """A client that resets its connection leaves the place to the next at once."""
    for _ in range(3):
        websocket = doors[scheme].websocket("/webrepl")
        assert WebRepl(websocket, PASSWORD).line("1") == "1\n"
        websocket.stream.reset()


@pytest.mark.failures("ws_ping_timeout")
def test_the_place_is_free_after_a_ping_time_out(shared_device: Device, doors: Doors) -> None:
    """With pings on, a client that is there no longer loses its place."""
    shared_device.exec(
        "import webrepl\nwebrepl.start('espbench', ping_interval_ms=200, ping_timeout_ms=300)"
    )
    silent = doors.http.websocket("/webrepl")
    WebRepl(silent, PASSWORD)
    assert silent.receive_ping() == b""
    assert silent.receive_close(3).code == 1011
    silent.wait_until_gone()
    silent.stream.close()
    with doors.http.well_behaved("/webrepl") as socket:  # the library answers pings
        repl = WebRepl(socket, PASSWORD)
        time.sleep(1)
        assert repl.line("1") == "1\n"
    shared_device.exec("webrepl.start('espbench')")


@pytest.mark.failures("peer_reset")
def test_code_outlives_its_client(doors: Doors) -> None:
    """A loop whose client has gone goes on; the next client sees its output and can end it."""
    first = doors.http.websocket("/webrepl")
    repl = WebRepl(first, PASSWORD)
    repl.type("import time\rwhile True: print('alive'); time.sleep_ms(20)\r\r", "alive\r\n")
    first.stream.reset()
    with doors.https.well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert repl.read_until("alive\r\n")
        repl.type("\x03", "KeyboardInterrupt: \r\n")
        repl.read_until(PROMPT)
        assert "2\r\n" in repl.type("1 + 1\r", "\r\n2\r\n>>> ")


APPLICATION = """
import httpserver, webrepl
while True:
    httpserver.process_queue(20)
    webrepl.process_queue()
"""


@pytest.mark.failures("peer_reset")
def test_an_application_started_by_webrepl(doors: Doors) -> None:
    """Its loop serves WebREPL from within: a new client finds a friendly prompt, and can end it."""
    first = doors.http.websocket("/webrepl")
    repl = WebRepl(first, PASSWORD)
    repl.type("\x01", "\r\n>")
    repl.type(APPLICATION + "\x04", "OK")
    first.stream.reset()
    with doors.https.well_behaved("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert repl.line("6 * 7") == "42\n"
        assert doors.http.get("/hello").text == "hello\n"
        repl.type("\x03", "KeyboardInterrupt: \r\n")
        repl.read_until(PROMPT)
        assert repl.line("1") == "1\n"


@pytest.mark.failures("peer_reset")
def test_a_client_that_vanishes_in_silence(device: Device, doors: Doors) -> None:
    """An idle client that is cut off loses its place within a minute, without any pings."""
    lost = doors.http.websocket("/webrepl")
    WebRepl(lost, PASSWORD)
    device.monitor("set_link", name="net0", up=False)
    deadline = Deadline(60)
    while device.stats()["websocket"]["open"]:
        assert not deadline.expired()
        device.wait_for_change(0.2)
    device.monitor("set_link", name="net0", up=True)
    with doors.http.well_behaved("/webrepl") as socket:
        assert WebRepl(socket, PASSWORD).line("1") == "1\n"
    lost.stream.close()


@BOTH
def test_pings_go_on_while_code_runs(scheme: str, doors: Doors) -> None:
    """Ping, pong and the close handshake do not wait for MicroPython."""
    websocket = doors[scheme].websocket("/webrepl")
    repl = WebRepl(websocket, PASSWORD)
    repl.type("for i in range(4000000): pass\r\r", "... \r\n")
    for turn in range(3):
        websocket.send_frame(Frame(PING, b"%d" % turn))
        assert websocket.receive_pong(0.5) == b"%d" % turn
    other = doors[scheme].websocket()
    other.send_frame(Frame(PING, b"other"))
    assert other.receive_pong(0.5) == b"other"
    other.close()
    websocket.send("\x03")
    repl.read_until("KeyboardInterrupt: \r\n>>> ")
    websocket.close()


def test_stop(shared_device: Device, doors: Doors) -> None:
    """webrepl.stop() ends the session with 1001 and takes the endpoint away; start() gives it."""
    websocket = doors.http.websocket("/webrepl")
    WebRepl(websocket, PASSWORD)
    shared_device.exec("import webrepl\nwebrepl.stop()")
    assert websocket.receive_close().code == 1001
    websocket.send_frame(Frame(CLOSE, close_payload(1001)))
    websocket.wait_until_gone()
    websocket.stream.close()
    with pytest.raises(WebSocketError) as refused:
        doors.http.websocket("/webrepl")
    assert refused.value.status == 404
    shared_device.exec("webrepl.start('espbench')")
    with doors.http.well_behaved("/webrepl") as socket:
        assert WebRepl(socket, PASSWORD).line("1") == "1\n"


# ---------------------------------------------------------------- Origin


ENDPOINTS = pytest.mark.parametrize(
    ("module", "path"), [("webrepl", "/webrepl"), ("wsserver", "/ws")], ids=["webrepl", "wsserver"]
)
STARTS = {"webrepl": "webrepl.start('espbench'{})", "wsserver": "wsserver.start('/ws'{})"}


def upgrade_status(door: Target, path: str, host: str | None, *origins: str) -> int:
    """Return what a browser's upgrade is answered with: its Host, and its Origin headers."""
    headers = [*upgrade_headers().items(), *(("Origin", origin) for origin in origins)]
    if host is not None:
        headers.insert(0, ("Host", host))
    with door.http() as http:
        http.send("GET", path, headers=headers)
        status = http.receive_upgrade().status
        if status == 101:
            http.stream.send(Frame(CLOSE, close_payload(1000)).encode())
            with suppress(ConnectionEnded):
                while http.stream.receive():
                    pass
        return status


OTHER = {"ws": "https", "wss": "http"}
PAGES = {
    # name: Host, the page's origin behind its "scheme://", whether it is the device's own
    "forwarded": ("localhost:8080", "localhost:8080", True),
    "address": ("192.168.1.32", "192.168.1.32", True),
    "case": ("Device.Local", "dEVICE.local", True),
    "IPv6": ("[fe80::a]:8080", "[FE80::A]:8080", True),
    "another-host": ("device.local", "evil.example", False),
    "subdomain": ("device.local", "device.local.evil.example", False),
    "user-info": ("device.local", "device.local@evil.example", False),
    "another-port": ("localhost:8080", "localhost:8081", False),
    "no-port": ("localhost:8080", "localhost", False),
    "another-IPv6": ("[fe80::a]", "[fe80::b]", False),
    "path": ("device.local", "device.local/", False),
}


@pytest.mark.failures("ws_origin")
@BOTH
@ENDPOINTS
def test_same_origin(
    module: str, path: str, scheme: str, shared_device: Device, doors: Doors
) -> None:
    """By default only the device's own pages may connect; whoever is not a browser may, too."""
    door = doors[scheme]
    http = "https" if scheme == "wss" else "http"
    for name, (host, page, own) in PAGES.items():
        status = upgrade_status(door, path, host, f"{http}://{page}")
        assert status == (101 if own else 403), name
    port = {"ws": 80, "wss": 443}[scheme]
    for host, page in [("a", f"a:{port}"), (f"a:{port}", "a")]:
        assert upgrade_status(door, path, host, f"{http}://{page}") == 101
    wrong = {"ws": 443, "wss": 80}[scheme]
    assert upgrade_status(door, path, "a", f"{http}://a:{wrong}") == 403
    assert upgrade_status(door, path, "a") == 101
    assert upgrade_status(door, path, "a", f"{OTHER[scheme]}://a") == 403
    assert upgrade_status(door, path, "null", "null") == 403
    assert upgrade_status(door, path, "a", "") == 403
    assert upgrade_status(door, path, "a", f"{http}://a", f"{http}://a") == 403
    assert upgrade_status(door, path, "a", f"{http}://a {http}://b") == 403


@pytest.mark.failures("ws_origin")
@BOTH
@ENDPOINTS
def test_further_origins(
    module: str, path: str, scheme: str, shared_device: Device, doors: Doors
) -> None:
    """origins= names further pages that may connect; "*" is any page."""
    door = doors[scheme]
    http = "https" if scheme == "wss" else "http"
    listed = ", origins=['https://device.local', 'http://10.0.0.5:8080']"
    shared_device.exec(f"import webrepl, wsserver\n{STARTS[module].format(listed)}")
    for origin in ("https://device.local", "http://10.0.0.5:8080", "HTTPS://Device.Local",
                   "https://device.local:443", f"{http}://own"):  # fmt: skip
        assert upgrade_status(door, path, "own", origin) == 101, origin
    assert upgrade_status(door, path, "own") == 101
    for origin in ("https://evil.example", "http://device.local", "https://device.local.evil.example",
                   "null", "https://device.local:8443", "http://10.0.0.5"):  # fmt: skip
        assert upgrade_status(door, path, "own", origin) == 403, origin
    shared_device.exec(STARTS[module].format(", origins=('*',)"))
    for origin in ("https://evil.example", "null"):
        assert upgrade_status(door, path, "own", origin) == 101, origin
    shared_device.exec(STARTS[module].format(""))
    assert upgrade_status(door, path, "own", "https://evil.example") == 403


# ---------------------------------------------------------------- leaks, Node


@BOTH
def test_no_leak(scheme: str, shared_device: Device, doors: Doors) -> None:
    """Sessions, refusals, files and interrupts give all of the network heap back."""
    with shared_device.no_leak():
        for _ in range(3):
            with doors[scheme].well_behaved("/webrepl") as socket:
                repl = WebRepl(socket, PASSWORD)
                refusal(doors.http.websocket("/webrepl"))
                repl.put("/leak.bin", content(3000))
                assert repl.get("/leak.bin") == content(3000)
                repl.type("while True: print('x' * 100)\r\r", "xxx")
                repl.type("\x03", "KeyboardInterrupt: \r\n>>> ")
            attempt(doors, WRONG, scheme)
    shared_device.exec("import os\nos.remove('/leak.bin')")


NODE_CLIENT = r"""
const WebSocket = require('ws');
const ws = new WebSocket(process.argv[2], {rejectUnauthorized: false});
const data = Buffer.alloc(3000, 'node');
let text = '', binary = Buffer.alloc(0), step = 0, got = Buffer.alloc(0);
function request(operation, name, size) {
  const record = Buffer.alloc(82);
  record.write('WA');
  record[2] = operation;
  record.writeUInt32LE(size, 12);
  record.writeUInt16LE(name.length, 16);
  record.write(name, 18);
  return record;
}
function take(count) {
  if (binary.length < count) return null;
  const part = binary.subarray(0, count);
  binary = binary.subarray(count);
  return part;
}
function good() {
  const answer = take(4);
  if (answer && answer.toString('latin1') !== 'WB\0\0') throw new Error('answer ' + answer);
  return answer;
}
const steps = [
  () => text.endsWith('Password: ') && (ws.send('espbench\r'), true),
  () => text.endsWith('WebREPL connected\r\n>>> ') && (ws.send('6 * 7\r'), true),
  () => text.endsWith('\r\n42\r\n>>> ') && (ws.send(request(1, '/node.txt', data.length)), true),
  () => good() && (ws.send(data.subarray(0, 1024)), ws.send(data.subarray(1024)), true),
  () => good() && (ws.send(request(2, '/node.txt', 0)), true),
  () => good() && (ws.send(Buffer.from([0])), true),
  () => {
    if (binary.length < 2 || binary.length < 2 + binary.readUInt16LE(0)) return false;
    const size = take(2).readUInt16LE(0);
    got = Buffer.concat([got, take(size)]);
    if (size) ws.send(Buffer.from([0]));
    return size === 0;
  },
  () => good() && (ws.send("import os; os.remove('/node.txt')\r"), true),
  () => text.endsWith("txt')\r\n>>> ") && (ws.close(1000), true),
];
ws.on('message', (message, isBinary) => {
  if (isBinary) binary = Buffer.concat([binary, message]); else text += message.toString();
  while (step < steps.length && steps[step]()) step++;
});
ws.on('close', (code) => {
  console.log(JSON.stringify({code, step, steps: steps.length, same: got.equals(data)}));
});
"""


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which Node finds the library ws."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node's client needs node and npm, which are not installed here")
    folder = tmp_path_factory.mktemp("node")
    done = subprocess.run(
        [npm, "install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, NODE_WS],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"npm could not install {NODE_WS}: {done.stderr.strip()[-300:]}")
    return folder


@BOTH
def test_node(scheme: str, node_folder: Path, doors: Doors) -> None:
    """Node's ws logs in, runs a line, and sends and fetches a file."""
    script = node_folder / "client.js"
    script.write_text(NODE_CLIENT)
    done = subprocess.run(
        ["node", script, doors[scheme].url("/webrepl", websocket=True)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=node_folder,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result == {"code": 1000, "step": result["steps"], "steps": 9, "same": True}
