# SPDX-License-Identifier: MIT
"""WebREPL's file transfer: contents, names, errors, and interrupted transfers."""

from __future__ import annotations

import pytest
from espbench.clients import Endpoints, Frame, WebRepl
from espbench.clients.webrepl import GET, PUT, VERSION, request
from espbench.clients.websocket import PING
from espbench.device.device import Device

from .clients import BOTH, PASSWORD, Opens, content

EINVAL, ENOENT, EISDIR, ENOSPC = 22, 2, 21, 28


@BOTH
def test_version(scheme: str, opens: Opens) -> None:
    """The version is MicroPython's; a client may request it before the greeting arrives."""
    with opens(scheme) as socket:
        assert socket.receive() == "Password: "
        socket.send(PASSWORD + "\r")
        socket.send(request(VERSION))
        assert socket.receive() == "\r\nWebREPL connected\r\n>>> "
        assert socket.receive() == bytes([1, 25, 0])


@BOTH
@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 1024, 20000])
def test_files_of_all_sizes(scheme: str, size: int, opens: Opens, shared_device: Device) -> None:
    """A put stores the data on the device, and a get returns it."""
    with opens(scheme) as socket:
        repl = WebRepl(socket, PASSWORD)
        repl.put("/file.bin", content(size))
        assert repl.get("/file.bin") == content(size)
        assert repl.line("1") == "1\n"
    assert shared_device.eval("__import__('os').stat('/file.bin')[6]") == size
    shared_device.exec("import os\nos.remove('/file.bin')")


@BOTH
@pytest.mark.parametrize("piece", [1024, 16384])
def test_300_kilobytes(
    scheme: str, piece: int, shared_device: Device, endpoints: Endpoints
) -> None:
    """A large file is put and got with default heaps: the sender is throttled, nothing piles up."""
    data = content(300_000)
    with endpoints[scheme].websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD, timeout=60)
        shared_device.heap_reset()
        before = shared_device.heap()
        repl.put("/large.bin", data, piece=piece)
        after = shared_device.heap()
        assert before.free - after.low_water < 64_000
        assert repl.get("/large.bin") == data
        repl.line("import os; os.remove('/large.bin')")


def test_a_put_replaces(repl: WebRepl) -> None:
    """A second put replaces the first completely, even with a shorter file."""
    repl.put("/again.txt", content(5000))
    repl.put("again.txt", b"short")
    assert repl.get("/again.txt") == b"short"
    assert repl.line("import os; os.remove('/again.txt')") == ""


def test_requests_cut_and_joined(repl: WebRepl) -> None:
    """Frame boundaries do not matter: a split request, and requests with data in one frame."""
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
    """Invalid names, and names that leave their folder, get EINVAL; nothing is written."""
    before = repl.line("import os; sorted(os.listdir('/'))")
    repl.socket.send(request(operation, BAD_NAMES[name], 10))
    assert repl.answer() == EINVAL
    assert repl.line("import os; sorted(os.listdir('/'))") == before


def test_bad_requests(repl: WebRepl) -> None:
    """Wrong name lengths, unknown operations and offsets are refused with EINVAL."""
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
    """A put to a folder and a get of a missing file fail, with the codes of errno."""
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
    """A file that does not fit is refused: at once by its size, or else with the last answer."""
    shared_device.exec(RAM_DISK)
    repl.put("/ram/old.txt", b"old")
    repl.socket.send(request(PUT, "/ram/old.txt", 100_000))
    assert repl.answer() == ENOSPC
    free = shared_device.eval("os.statvfs('/ram')[3] * 512")
    repl.socket.send(request(PUT, "/ram/old.txt", free))
    assert repl.answer() == 0
    for _ in range(free // 512):
        repl.socket.send(bytes(512))  # the file system needs blocks for itself, too
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
    scheme: str, how: str, shared_device: Device, endpoints: Endpoints
) -> None:
    """An incomplete upload leaves nothing: the old file stays as it was, alone in its folder."""
    websocket = endpoints[scheme].websocket("/webrepl")
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
    with endpoints[scheme].websockets_client("/webrepl") as socket:
        repl = WebRepl(socket, PASSWORD)
        assert repl.get("/cut.bin") == b"the old one"
        assert shared_device.eval("sorted(__import__('os').listdir('/'))") == before
        repl.line("import os; os.remove('/cut.bin')")


@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
def test_a_reset_in_an_upload(hard: bool, device: Device, endpoints: Endpoints) -> None:
    """After a reset in the middle of an upload the old file is intact, and nothing else is left."""
    websocket = endpoints.http.websocket("/webrepl")
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


def test_http_goes_on_in_a_transfer(repl: WebRepl, endpoints: Endpoints) -> None:
    """HTTP requests and the REPL are answered during file transfers."""
    data = content(60_000)
    repl.socket.send(request(PUT, "/slow.bin", len(data)))
    assert repl.answer() == 0
    for position in range(0, len(data), 1024):
        repl.socket.send(data[position : position + 1024])
        if position % 10_240 == 0:
            assert endpoints.http.get("/hello").text == "hello\n"
            assert repl.line("1 + 1") == "2\n"
    assert repl.answer() == 0
    repl.socket.send(request(GET, "/slow.bin"))
    assert repl.answer() == 0
    repl.socket.send(b"\0")
    assert repl.read_bytes(258)[2:] == data[:256]
    assert endpoints.https.get("/hello").text == "hello\n"
    repl.socket.send(b"\0")
    assert repl.read_bytes(258)[2:] == data[256:512]
