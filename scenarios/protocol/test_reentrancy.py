# SPDX-License-Identifier: MIT
"""Handlers, callbacks and streams that misbehave, at every site where the device calls Python.

The table is complete: each site at which the firmware calls Python is combined with each action.
Each time the client gets a response or its connection ends, nothing leaks, and the device serves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from espbench.clients import ClientError, ConnectionEnded, Endpoints, HttpError, Response, WebRepl
from espbench.clients.webrepl import PROMPT, PUT, request
from espbench.device.device import Device
from espbench.errors import ControlError
from espbench.util.timeouts import Deadline

PASSWORD = "espbench"
BODY = 12_000
"""Bytes of each request's body, the least that a lost request leaks."""
TIME_WAIT = 2048
"""Bytes of connections in TIME_WAIT, which lwIP keeps (RFC 9293 section 3.6.1)."""
EIO = 5

SOURCE = """
import gc, httpserver, io, micropython, struct, uctypes, vfs, webrepl, wsserver

def start():
    httpserver.start(cert_file="/certs/servercert.pem", key_file="/certs/prvtkey.pem")

def restart():
    httpserver.start(cert_file="/certs/servercert.pem", key_file="/certs/prvtkey.pem", max_http=9,
        max_https=3)

def fail():
    raise ValueError("as asked")

def interrupt():
    raise KeyboardInterrupt

def each(call):
    for client in wsserver.clients():
        call(client)

kept = []
junk = None

def grow(target):
    global junk
    if isinstance(target, bytearray):
        target.extend(b"g" * 8000)
    gc.collect()
    junk = [bytearray(b"j" * 3000) for _ in range(3)]  # where it was before it grew
    junk = None

def keep(target):
    for old in kept:
        old[0] = 98
    if isinstance(target, bytearray):
        kept.append(target)

ACTIONS = {
    "nothing": lambda target: None,
    "send": lambda target: httpserver.send("inner"),
    "process_queue": lambda target: httpserver.process_queue(),
    "webrepl.process_queue": lambda target: webrepl.process_queue(),
    "stop": lambda target: httpserver.stop(),
    "start": lambda target: start(),
    "restart": lambda target: restart(),
    "off": lambda target: httpserver.off("/site"),
    "wsserver.send": lambda target: each(lambda client: wsserver.send(client, "more")),
    "wsserver.close": lambda target: each(wsserver.close),
    "wsserver.stop": lambda target: wsserver.stop(),
    "webrepl.stop": lambda target: webrepl.stop(),
    "grow": grow,
    "keep": keep,
    "collect": lambda target: gc.collect(),
    "raise": lambda target: fail(),
    "interrupt": lambda target: interrupt(),
}
action = None
refusals = []  # messages of the RuntimeErrors that the action got
acted = 0
lent = 0  # bytes of the longest buffer that a stream was asked to fill

def act(target=None):
    global acted
    if action is None:
        return
    acted += 1
    try:
        ACTIONS[action](target)
    except RuntimeError as error:
        refusals.append(str(error))

class Text:
    def __str__(self):
        act(body)
        return "text"

class Number:
    def __init__(self, client):
        self.client = client
    def __int__(self):
        act(body)
        return self.client

class Odd(Exception):
    def __repr__(self):
        act(body)
        return "odd"

class Stream(io.IOBase):
    def __init__(self, site):
        self.site = site
    def ioctl(self, request, argument):
        if request == 2:  # seek: offset and whence in C, the offset is the answer
            if self.site == "length":
                act(body)
            seek = uctypes.bytearray_at(argument, 8)
            seek[:4] = struct.pack("<i", 9000 if seek[4] == 2 else 0)
        elif request == 4 and self.site == "close":
            act(body)
        return 0
    def readinto(self, buffer):
        global lent
        lent = max(lent, len(buffer))
        if self.site == "readinto":
            act(buffer)
        buffer[:] = b"b" * len(buffer)
        return len(buffer)

def pairs():
    act(body)
    yield "X-A", "a"
    act(body)

def plain(request):
    act(body)
    return "outer"

def answered(request):
    httpserver.send(body)
    act(body)

def failing(request):
    raise Odd()

HANDLERS = {
    "handler": plain,
    "behind send()": answered,
    "headers": lambda request: httpserver.send(body, headers=pairs()),
    "header's __str__": lambda request: httpserver.send(body, headers={"X-A": Text(), "X-B": "b"}),
    "length": lambda request: httpserver.send(Stream("length")),
    "readinto": lambda request: httpserver.send(Stream("readinto")),
    "close": lambda request: httpserver.send(Stream("close")),
    "headers of a stream": lambda request: httpserver.send(Stream(""), headers=pairs()),
    "exception's __repr__": failing,
}

def prepare(site, name):
    global action, acted, body
    action, acted, body = name, 0, bytearray(b"b" * 5000)
    refusals.clear()
    kept.clear()
    if site in HANDLERS:
        httpserver.on("/site", HANDLERS[site], "POST")
        return
    wsserver.start("/site")
    wsserver.on("connect", lambda client: act(body) if site == "connect" else None)
    wsserver.on("disconnect", lambda client, code: act(body) if site == "disconnect" else None)
    def message(client, data):
        if site == "message":
            act(body)
        wsserver.send(Number(client) if site == "client's __int__" else client, body)
    wsserver.on("message", message)

def tidy():
    global action, body
    action = body = None
    kept.clear()
    httpserver.off("/site")
    wsserver.stop("/site")
    for event in ("connect", "disconnect"):
        wsserver.on(event, None)
    wsserver.on("message", wsserver.send)
    wsserver.start()
    webrepl.start("espbench")
    start()
    gc.collect()
"""

HANDLERS = (
    "handler", "behind send()", "headers", "header's __str__", "length", "readinto", "close",
    "headers of a stream", "exception's __repr__",
)  # fmt: skip
CALLBACKS = ("connect", "message", "disconnect", "client's __int__")
ACTIONS = (
    "nothing", "send", "process_queue", "webrepl.process_queue", "stop", "start", "restart", "off",
    "wsserver.send", "wsserver.close", "wsserver.stop", "webrepl.stop", "grow", "keep", "collect",
    "raise",
)  # fmt: skip
HARMLESS = ("nothing", "process_queue", "webrepl.process_queue", "start", "collect", "keep")
"""Actions that end neither a request nor a session."""
ENDS = ("send", "stop", "restart")
"""Actions that may end a request or a connection: also tried over TLS, which has more to free."""


@pytest.fixture
def table(shared_device: Device) -> Iterator[None]:
    """Define the sites and actions on the device; afterwards restore its own handlers."""
    if not shared_device.eval("'ACTIONS' in globals()"):
        shared_device.exec(SOURCE)
    yield
    shared_device.exec("tidy()")


def answer(endpoints: Endpoints, scheme: str) -> Response | None:
    """POST to the site; return the response, or None if the connection ended in the middle of it.

    Raises:
        ClientTimeout: neither happened in time.
    """
    with endpoints[scheme].http() as http:
        try:
            return http.request("POST", "/site", b"x" * BODY)
        except ConnectionEnded:
            return None
        except HttpError as error:
            if "peer closed connection without sending complete message body" in str(error):
                return None
            raise


def disarm(device: Device) -> None:
    """Wait until the action has been called, then disable it.

    It may be called after the response, and its caller may run on.
    """
    deadline = Deadline(10)
    while not device.eval("acted"):
        assert not deadline.expired(), "the action was not called"
    device.exec("action = None")


@contextmanager
def acting(device: Device, endpoints: Endpoints, site: str, action: str) -> Iterator[None]:
    """Arm a site for the block; afterwards check that the device serves and nothing leaked."""
    try:
        with device.no_leak(tolerance=TIME_WAIT):
            device.exec(f"prepare({site!r}, {action!r})")
            yield
            disarm(device)
            device.exec("tidy()")
            assert endpoints.http.get("/hello").text == "hello\n"  # closes the response's stream
    except Exception as error:
        error.add_note(f"The action was {action}, at: {site or 'code'}.")
        raise


def is_refused(device: Device, words: str) -> bool:
    """Return whether the action was called, and refused with these words every time."""
    messages = device.eval("refusals")
    return len(messages) == device.eval("acted") > 0 and all(words in text for text in messages)


@pytest.mark.failures("handler_error")
@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("site", HANDLERS)
def test_handlers(site: str, shared_device: Device, endpoints: Endpoints) -> None:
    """A request is answered or its connection ends, whatever its handler does at any site."""
    for action, scheme in [
        *((each, "http") for each in ACTIONS),
        *((each, "https") for each in ENDS),
    ]:
        with acting(shared_device, endpoints, site, action):
            got = answer(endpoints, scheme)
            if got is not None and got.status == 200:
                assert got.body.strip(b"bg") in (b"", b"outer", b"inner"), "others' bytes were sent"
            if action == "send" and site in ("handler", "headers", "header's __str__", "length"):
                assert got is not None
                assert got.body == b"inner"  # the first answer counts
            if action in HARMLESS:
                assert got is not None
                assert got.status == (500 if site == "exception's __repr__" else 200)
        if action == "process_queue":
            assert is_refused(shared_device, "process_queue() is running")


@pytest.mark.failures("handler_error", "peer_reset")
@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("site", CALLBACKS)
def test_callbacks(site: str, shared_device: Device, endpoints: Endpoints) -> None:
    """A session goes on or ends, whatever its callbacks do."""
    for action, scheme in [*((each, "ws") for each in ACTIONS), *((each, "wss") for each in ENDS)]:
        with acting(shared_device, endpoints, site, action):
            websocket = endpoints[scheme].websocket("/site")
            try:
                websocket.send("x" * BODY)
                while (got := websocket.receive()) == "more":
                    pass
                assert isinstance(got, bytes)
                assert not got.strip(b"bg"), "others' bytes were sent"
                websocket.close()
            except ClientError:
                if action in HARMLESS:
                    raise
            finally:
                websocket.stream.close()
        if action == "process_queue":
            assert is_refused(shared_device, "process_queue() is running")
        if action == "send":
            assert is_refused(shared_device, "no request awaits a response")


@pytest.mark.failures("handler_error")
@pytest.mark.parametrize("site", ["handler", "headers", "length", "readinto", "close"])
def test_an_interrupt(site: str, device: Device, endpoints: Endpoints) -> None:
    """Ctrl-C at any site ends the application and the request or body at that site.

    A body that was being read has lost data, so it cannot continue.
    """
    device.exec(SOURCE)
    device.exec(f"prepare({site!r}, 'interrupt')")
    got = answer(endpoints, "http")
    assert got is None or got.status == 500 or site == "close"
    disarm(device)
    device.reset()


@pytest.mark.failures("handler_error")
@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("claimed", [2**20, -5, 0, None])
def test_a_stream_that_lies(
    claimed: int | None, shared_device: Device, endpoints: Endpoints
) -> None:
    """A readinto() that claims to have read too much, or nothing, ends the body."""
    shared_device.exec(
        "class Liar(Stream):\n"
        f"    def readinto(self, buffer): return {claimed}\n"
        "httpserver.on('/site', lambda request: httpserver.send(Liar('')), 'POST')"
    )
    assert answer(endpoints, "http") is None
    assert endpoints.http.get("/hello").text == "hello\n"


@pytest.mark.usefixtures("table")
def test_a_stream_from_a_native_one(shared_device: Device, endpoints: Endpoints) -> None:
    """A Python class derived from io.BytesIO is sent like its base class."""
    shared_device.exec(
        "class Derived(io.BytesIO): pass\n"
        "httpserver.on('/site', lambda request: httpserver.send(Derived(b'b' * 9000)), 'POST')"
    )
    got = answer(endpoints, "http")
    assert got is not None
    assert got.body == b"b" * 9000


FILES = """
class File(io.IOBase):
    def __init__(self):
        self.left = 900
    def ioctl(self, request, argument):
        return 0
    def write(self, data):
        size = len(data)
        act(data)
        return size
    def readinto(self, buffer):
        act(buffer)
        count = min(self.left, len(buffer))
        self.left -= count
        buffer[:count] = b"b" * count
        return count

class Files:
    def mount(self, readonly, mkfs): pass
    def umount(self): pass
    def stat(self, path): raise OSError(2)
    def statvfs(self, path): return (512, 512, 99, 99, 99, 0, 0, 0, 0, 64)
    def open(self, path, mode): return File()
    def rename(self, old, new): act()
    def remove(self, path): act()

class Certificates(Files):
    def open(self, path, mode): return Stream("readinto")
"""
"""File systems in Python: one stores and returns bytes, the other has invalid certificates."""


@pytest.mark.usefixtures("table")
def test_certificates_in_python(shared_device: Device, endpoints: Endpoints) -> None:
    """Nothing that a file system does while start() reads from it leaks certificate or key."""
    shared_device.exec(FILES + "vfs.mount(Certificates(), '/py')")
    begin = "httpserver.start(cert_file='/py/cert.pem', key_file='/py/key.pem')"
    try:
        for action in ("nothing", "stop", "start", "restart", "grow", "keep", "raise"):
            with acting(shared_device, endpoints, "", action):
                if action == "raise":
                    with pytest.raises(ControlError, match="as asked"):
                        shared_device.eval(begin)
                else:
                    assert shared_device.eval(begin) is False  # not a valid certificate
    finally:
        shared_device.exec("vfs.umount('/py')")
    assert endpoints.https.get("/hello").text == "hello\n"
    assert shared_device.eval("lent") <= 2048, "a long file was read in one long block"


# ---------------------------------------------------------------- the WebREPL

SERVE = "while not done: webrepl.process_queue(20)"


@pytest.mark.usefixtures("table")
def test_lines_for_code_that_serves_its_session(endpoints: Endpoints) -> None:
    """A typed loop serves the lines that are typed next, on fresh lines, until it ends."""
    with endpoints.http.websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.line("done = False")
        socket.send(SERVE + "\r\r")
        repl.read_until("... \r\n")
        assert "42\r\n" in repl.type("6 * 7\r")
        repl.type("done = True\r")
        repl.read_until(PROMPT)  # of the loop
        assert repl.line("done") == "True\n"


@pytest.mark.usefixtures("table")
def test_the_raw_repl_of_code_that_serves_its_session(endpoints: Endpoints) -> None:
    """The raw REPL is raw again when its code ends, whatever was typed into that code."""
    with endpoints.http.websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type("\x01", "\r\n>")
        repl.type(f"done = False\n{SERVE}\n\x04", "OK")
        assert "42\r\n" in repl.type("6 * 7\r")
        repl.type("done = True\r", "\x04\x04>")
        assert repl.type("print(done)\x04", "\x04\x04>") == "OKTrue\r\n\x04\x04>"
        repl.type("\x02")


@pytest.mark.usefixtures("table")
def test_a_raw_paste_is_read_by_the_repl_alone(shared_device: Device, endpoints: Endpoints) -> None:
    """Code scheduled during a raw paste cannot consume the rest of it."""
    with endpoints.http.websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.type("\x01", "\r\n>")
        repl.type("\x05A\x01", "R\x01\x00\x04\x01")
        socket.send("print(6 *")
        with pytest.raises(ControlError, match="is reading a file or a paste"):
            shared_device.exec("webrepl.process_queue()")
        socket.send(" 7)\x04")
        assert "42\r\n" in repl.read_until("\x04>")
        repl.type("\x02")


@pytest.mark.usefixtures("table")
def test_typed_code(shared_device: Device, endpoints: Endpoints) -> None:
    """A WebREPL session goes on or ends, whatever is typed into it."""
    for action in ACTIONS:
        with acting(shared_device, endpoints, "", action):
            websocket = endpoints.http.websocket("/webrepl")
            try:
                repl = WebRepl(websocket, PASSWORD)
                assert ("ValueError" in repl.line("act(body)")) == (action == "raise")
                assert repl.line("6 * 7") == "42\n"
                websocket.close()
            except ClientError:
                if action in (*HARMLESS, "raise"):
                    raise
            finally:
                websocket.stream.close()


@pytest.mark.usefixtures("table")
def test_a_file_system_in_python(shared_device: Device, endpoints: Endpoints) -> None:
    """Transfers end, whatever the file system does when it reads and writes."""
    shared_device.exec(FILES + "vfs.mount(Files(), '/py')")
    try:
        for action in ACTIONS:
            with acting(shared_device, endpoints, "", action):
                websocket = endpoints.http.websocket("/webrepl")
                try:
                    repl = WebRepl(websocket, PASSWORD)
                    websocket.send(request(PUT, "/py/file", 900))
                    assert repl.answer() == 0
                    websocket.send(b"x" * 900)
                    assert repl.answer() == (EIO if action == "raise" else 0)
                    assert repl.get("/py/file").strip(b"b") == b""
                    websocket.close()
                except ClientError:
                    if action in HARMLESS:
                        raise
                finally:
                    websocket.stream.close()
            if action == "webrepl.process_queue":
                assert is_refused(shared_device, "is reading a file or a paste")
    finally:
        shared_device.exec("vfs.umount('/py')")


@pytest.mark.usefixtures("table")
def test_a_long_piece_for_a_file_system_in_python(
    shared_device: Device, endpoints: Endpoints
) -> None:
    """A file written in Python gets a long frame whole, in order, and in small chunks."""
    data = bytes(range(256)) * 15
    shared_device.exec(
        FILES + "written, longest = b'', 0\n"
        "class Keeps(File):\n"
        "    def write(self, data):\n"
        "        global written, longest\n"
        "        written, longest = written + data, max(longest, len(data))\n"
        "        return len(data)\n"
        "class Keeper(Files):\n"
        "    def open(self, path, mode): return Keeps()\n"
        "vfs.mount(Keeper(), '/py')"
    )
    try:
        with endpoints.http.websockets_client("/webrepl") as socket:
            repl = WebRepl(socket, PASSWORD)
            socket.send(request(PUT, "/py/file", len(data)))
            assert repl.answer() == 0
            socket.send(data)
            assert repl.answer() == 0
    finally:
        shared_device.exec("vfs.umount('/py')")
    assert shared_device.eval("written == bytes(range(256)) * 15")
    assert shared_device.eval("longest") <= 2048
