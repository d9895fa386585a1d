# SPDX-License-Identifier: MIT
"""Output over WebREPL: batching, whole characters, slow and vanished clients."""

from __future__ import annotations

import time

import pytest
from espbench.clients import Endpoints, WebRepl
from espbench.clients.webrepl import PROMPT
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

from .clients import BOTH, PASSWORD


def frames_of(repl: WebRepl, source: str, end: str) -> list[str]:
    """Type source; return the frames that come back, up to the one with this end."""
    repl.socket.send(source)
    frames: list[str] = []
    while not "".join(frames).endswith(end):
        frames.append(str(repl.socket.receive()))
    return frames


@BOTH
def test_output_is_batched(scheme: str, endpoints: Endpoints) -> None:
    """A thousand prints arrive in order, in frames of about a kilobyte."""
    with endpoints[scheme].websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        frames = frames_of(repl, "for i in range(1000): print(i)\r\r", "999\r\n>>> ")
        lines = "".join(frames).split("\r\n")[2:-1]
        assert lines == [str(number) for number in range(1000)]
        assert len(frames) <= 40, len(frames)
        assert max(map(len, frames)) <= 1024


def test_no_character_is_cut(repl: WebRepl) -> None:
    """Each frame is valid UTF-8 (the client's library checks), wherever the output is split."""
    for text in ("€" * 2000, "😀" * 1500, "aä€😀" * 700):
        source = f"print({text[:4]!a} * {len(text) // 4})\r"
        answer = "".join(frames_of(repl, source, "\r\n>>> "))
        assert answer.split("\r\n")[1] == text


def test_what_is_not_utf_8(repl: WebRepl) -> None:
    """Bytes that are not valid in a text frame are shown as question marks."""
    source = "import sys; _ = sys.stdout.buffer.write(b'a\\xffb\\xe2\\x82c\\xc3\\xa4\\n')\r"
    assert repl.type(source).endswith("\r\na?b??cä\n>>> ")


def test_output_does_not_wait_for_the_end(repl: WebRepl) -> None:
    """Output is sent while the program sleeps or computes."""
    for wait in ("time.sleep(1)", "sum(range(400000))"):
        repl.socket.send(f"import time; print('now'); {wait}\r")
        repl.read_until("\r\n")
        started = time.monotonic()
        repl.read_until("now\r\n")
        assert time.monotonic() - started < 0.4
        repl.read_until(PROMPT)


@BOTH
def test_a_slow_reader_loses_nothing(scheme: str, endpoints: Endpoints) -> None:
    """A client that does not read for a while gets all 300 kB; meanwhile HTTP works."""
    websocket = endpoints[scheme].websocket("/webrepl")
    repl = WebRepl(websocket, PASSWORD)
    websocket.send("for i in range(3000): print(i, '-' * 95)\r\r")
    time.sleep(1)
    text = repl.read_until("2999 " + "-" * 95 + "\r\n>>> ")
    numbers = [line.split()[0] for line in text.split("\r\n")[2:-1]]
    assert numbers == [str(number) for number in range(3000)]
    websocket.close()


@pytest.mark.failures("send_timeout", "peer_reset")
def test_a_client_that_takes_nothing(device: Device, endpoints: Endpoints) -> None:
    """A client that has vanished loses its session after a few seconds; the program runs on."""
    lost = endpoints.http.websocket("/webrepl")
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
    assert free - device.heap().low_water < 60_000  # unread output does not pile up
    device.wait_for_change(0.2)
    assert device.eval("n") > before
    device.monitor("set_link", name="net0", up=True)
    with endpoints.http.websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type("\x03", "KeyboardInterrupt: \r\n")
    lost.stream.close()
