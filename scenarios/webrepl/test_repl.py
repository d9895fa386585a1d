# SPDX-License-Identifier: MIT
"""The REPL over WebREPL: lines, raw and paste modes, input, and Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from espbench.clients import Endpoints, WebRepl, WebSocketError
from espbench.clients.webrepl import PROMPT
from espbench.device.device import Device

from .clients import BOTH, PASSWORD, Opens, WebsocketClient


@BOTH
def test_lines(scheme: str, opens: Opens) -> None:
    """Values, output and exceptions come back; code runs in __main__ and its state persists."""
    with opens(scheme) as socket:
        repl = WebRepl(socket, PASSWORD)
        assert repl.line("6 * 7") == "42\n"
        assert repl.line("print('\\xe4\\u20ac\\U0001f600')") == "ä€😀\n"
        assert repl.line("1 // 0").endswith("ZeroDivisionError: divide by zero\n")
        assert repl.line("_kept = 5") == ""
        assert repl.line("_kept, __name__") == "(5, '__main__')\n"
        assert repl.line("del _kept") == ""


def test_editing(repl: WebRepl) -> None:
    """Blocks are indented, arrows edit and recall lines, Tab completes, Ctrl-C drops a line."""
    assert repl.type("for i in range(2):\r", "... ").endswith("\r\n... ")
    assert repl.type("print(i)\r\r\r\r").endswith("0\r\n1\r\n>>> ")
    assert repl.type("1 + 3\x1b[D\x1b[D2 * \r").endswith("\r\n7\r\n>>> ")
    assert repl.type("\x1b[A\r").endswith("\r\n7\r\n>>> ")
    assert repl.type("impo\tsys\r").startswith("import sys\r\n")
    assert repl.type("not finished\x03") == "not finished\r\n>>> "
    assert repl.type("x = [\r1,\r\x032\r", "2\r\n>>> ").endswith("\r\n>>> 2\r\n2\r\n>>> ")


def test_paste_mode(repl: WebRepl) -> None:
    """Ctrl-E accepts text verbatim up to Ctrl-D; Ctrl-C cancels it."""
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
def test_raw_repl(scheme: str, endpoints: Endpoints) -> None:
    """Ctrl-A enters the raw REPL (no echo, output and errors separate), and Ctrl-B leaves it."""
    with endpoints[scheme].websockets_client("/webrepl") as socket:
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
    """The application's output is shown at the friendly prompt, and kept out of raw responses."""
    shared_device.exec("print('from the application')")
    assert repl.read_until("application\r\n") == "from the application\r\n"
    repl.type("\x01", "\r\n>")
    shared_device.exec("print('from the application')")
    assert raw(repl, "print(1)") == ("1\r\n", "")


def raw_paste(repl: WebRepl, source: str, *, extra: str = "\x04") -> str:
    """Run source as mpremote does, by raw paste with flow control; return the whole response."""
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
def test_raw_paste(scheme: str, endpoints: Endpoints) -> None:
    """Raw paste accepts 12 kB of source, compiles it as it arrives, and reports errors in it."""
    with endpoints[scheme].websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type("\x01", "\r\n>")
        source = "".join(f"x{i} = {i} # {'-' * 60}\n" for i in range(160)) + "print(x159)\n"
        assert raw_paste(repl, source) == "\x04159\r\n\x04\x04"
        assert "SyntaxError" in raw_paste(repl, "x = (\n")
        assert raw_paste(repl, "print('short')") == "\x04short\r\n\x04\x04"
        repl.type("\x02")
        assert repl.line("2") == "2\n"


def test_raw_paste_that_ends_in_the_middle(endpoints: Endpoints) -> None:
    """A client that leaves during a raw paste leaves a REPL that the next client can use."""
    with endpoints.http.websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type("\x01", "\r\n>")
        repl.type("\x05A\x01", "\x01")
        socket.send("print('half")
    with endpoints.http.websockets_client("/webrepl") as socket:
        assert WebRepl(socket, PASSWORD).line("1") == "1\n"


def test_input_reads_from_the_session(repl: WebRepl) -> None:
    """In code run over WebREPL, input() and sys.stdin read from its client."""
    assert repl.type("_name = input('who? ')\r", "who? ").endswith("who? ")
    assert repl.type("the owner\r").endswith("the owner\r\n>>> ")
    assert repl.line("_name") == "'the owner'\n"
    repl.socket.send("import sys\r_three = sys.stdin.read(3)\r")
    repl.read_until("read(3)\r\n")
    assert repl.type("abc", PROMPT) == ">>> "
    assert repl.line("_three") == "'abc'\n"


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
def test_ctrl_c_interrupts_at_once(scheme: str, source: str, endpoints: Endpoints) -> None:
    """Ctrl-C interrupts whatever the session runs, ahead of all other pending work."""
    with endpoints[scheme].websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type(source, "\r\n")
        time.sleep(0.1)
        started = time.monotonic()
        answer = repl.type("\x03", "KeyboardInterrupt: \r\n>>> ")
        assert time.monotonic() - started < 1.0
        assert "Traceback" in answer
        assert repl.line("1") == "1\n"


def test_ctrl_c_for_a_line_is_for_the_line_alone(
    shared_device: Device, endpoints: Endpoints
) -> None:
    """With something typed, or in the raw REPL, Ctrl-C does not touch the application."""
    with endpoints.http.websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type("half a line", "line")
        assert repl.type("\x03") == "\r\n>>> "
        repl.type("\x01", "\r\n>")
        socket.send("\x03")
        assert raw(repl, "print(1)") == ("1\r\n", "")
    assert endpoints.http.get("/hello").status == 200  # handlers run in the application's loop


def test_ctrl_c_at_the_prompt_ends_the_application(device: Device, endpoints: Endpoints) -> None:
    """As any terminal of MicroPython: at an empty prompt it is for the application.

    WebREPL lives on at the console's prompt, and a soft reset brings the application back.
    """
    with endpoints.http.websockets_client("/webrepl") as socket:
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
    assert endpoints.http.get("/hello").status == 200


NEVER_ASKS = """
from esp32 import httpserver, webrepl
webrepl.start('espbench')
httpserver.start()
while True:
    pass
"""


def test_an_application_that_never_asks(device_factory: Callable[..., Device]) -> None:
    """With a main.py that never calls process_queue(), login and interrupt still work."""
    device = device_factory(files={"/main.py": NEVER_ASKS}, ready="control")
    device.wait_for_event("listening")
    with WebsocketClient(device.ws("/webrepl")) as socket:
        repl = WebRepl(socket, PASSWORD)
        socket.send("\x03")
        device.console.expect("KeyboardInterrupt")
        assert "\r\n2\r\n" in repl.type("1 + 1\r", "\r\n2\r\n")
