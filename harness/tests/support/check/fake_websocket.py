# SPDX-License-Identifier: MIT
"""An echo server that keeps to RFC 6455, and breaks one rule for each named fault."""

from __future__ import annotations

import base64
import binascii
import codecs
import contextlib
import re
import socket
import struct
import threading

from espbench.clients.websocket import accept_of, mask

__all__ = ["FakeWebSocket"]

LONGEST = 200_000
GOOD_CODES = {1000, 1001, 1002, 1003, *range(1007, 1012), *range(3000, 5000)}


class Fail(Exception):
    """The connection fails with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Ended(Exception):
    """The client has gone."""


class FakeWebSocket:
    """Echoes on `/ws` and answers GET / with 200; `faults` names what it does wrong."""

    def __init__(self, *faults: str) -> None:
        self.faults = frozenset(faults)
        self.lock = threading.Lock()
        self.last: _Connection | None = None

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection."""
        if "one at a time" in self.faults:
            with self.lock:
                _Connection(self, connection).run()
        else:
            _Connection(self, connection).run()


class _Connection:
    def __init__(self, server: FakeWebSocket, connection: socket.socket) -> None:
        self.server, self.socket = server, connection
        self.faults = server.faults
        self.data = b""
        self.message: list[bytes] = []
        self.opcode = 0
        self.decoder = codecs.getincrementaldecoder("utf-8")()

    def run(self) -> None:
        try:
            if self.upgrade():
                while self.frame():
                    pass
        except Fail as error:
            payload = b"" if error.code == 1005 else struct.pack("!H", error.code)
            with contextlib.suppress(OSError):
                self.send(8, payload)
                self.end()
        except (Ended, OSError):
            if "keeps places" in self.faults:
                threading.Event().wait(20)

    def end(self) -> None:
        if "keeps TCP open" in self.faults:
            threading.Event().wait(20)
        self.socket.shutdown(socket.SHUT_WR)
        self.socket.settimeout(1.0)
        while self.socket.recv(65536):
            pass

    def read(self, size: int) -> bytes:
        while len(self.data) < size:
            data = self.socket.recv(65536)
            if not data:
                raise Ended
            self.data += data
        part, self.data = self.data[:size], self.data[size:]
        return part

    # The opening handshake (section 4.2)

    def upgrade(self) -> bool:
        while b"\r\n\r\n" not in self.data:
            data = self.socket.recv(65536)
            if not data:
                raise Ended
            self.data += data
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        line, *lines = head.decode("latin-1").split("\r\n")
        fields: dict[str, str] = {}
        for each in lines:
            name, _, value = each.partition(":")
            name, value = name.strip().lower(), value.strip()
            if name in fields and "last line wins" not in self.faults:
                value = f"{fields[name]}, {value}"
            fields[name] = value
        method, path, version = line.split(" ")
        if path != "/ws":
            return self.refuse(200)
        status = self.fault_in(method, version, fields)
        if status:
            return self.refuse(status)
        key = fields.get("sec-websocket-key", "")
        accept = accept_of(key if "wrong accept" not in self.faults else key.lower())
        answer = ["HTTP/1.1 101 X", "Upgrade: websocket", f"Sec-WebSocket-Accept: {accept}"]
        if "no Connection" not in self.faults:
            answer.append("Connection: Upgrade")
        if "agrees to extensions" in self.faults:
            answer.append("Sec-WebSocket-Extensions: x-webkit-deflate-frame")
        if "agrees to protocols" in self.faults:
            answer.append("Sec-WebSocket-Protocol: chat")
        self.socket.sendall("\r\n".join([*answer, "", ""]).encode())
        return True

    def fault_in(self, method: str, version: str, fields: dict[str, str]) -> int:
        def listed(name: str) -> list[str]:
            return [each.strip().lower() for each in fields.get(name, "").split(",")]

        if "any upgrade" in self.faults and "websocket" in fields.get("upgrade", "").lower():
            return 0
        if "only GET" not in self.faults and method != "GET":
            return 405
        if version != "HTTP/1.1":
            return 400
        if "upgrade" not in listed("connection"):
            return 426
        if "hangs without a key" in self.faults and "sec-websocket-key" not in fields:
            threading.Event().wait(20)
        if "websocket" not in listed("upgrade"):
            return 426
        if fields.get("sec-websocket-version") != "13":
            return 426
        if "same origin" in self.faults and fields.get("origin", "http://espbench.test") != (
            "http://espbench.test"
        ):
            return 403
        try:
            good = len(base64.b64decode(fields.get("sec-websocket-key", ""), validate=True)) == 16
        except binascii.Error:
            good = False
        return 0 if good else 400

    def refuse(self, status: int) -> bool:
        fields = ["Content-Length: 0"]
        if status == 426 and "bare 426" not in self.faults:
            fields += ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        text = "\r\n".join([f"HTTP/1.1 {status} X", *fields, "Connection: close", "", ""])
        self.socket.sendall(text.encode())
        self.socket.shutdown(socket.SHUT_WR)
        return False

    # Frames (section 5)

    def send(self, opcode: int, payload: bytes) -> None:
        length = len(payload)
        masked = 0x80 if "masks" in self.faults else 0
        if length < 126:
            head = bytes((0x80 | opcode, masked | length))
        elif length < 65536:
            head = bytes((0x80 | opcode, masked | 126)) + struct.pack("!H", length)
        else:
            head = bytes((0x80 | opcode, masked | 127)) + struct.pack("!Q", length)
        if masked:
            head += b"abcd"
            payload = mask(payload, b"abcd")
        self.socket.sendall(head + payload)

    def frame(self) -> bool:
        first, second = self.read(2)
        fin, rsv, opcode = first >> 7, first >> 4 & 7, first & 15
        if rsv and "any bits" not in self.faults:
            raise Fail(1002)
        if not second & 0x80 and "takes unmasked frames" not in self.faults:
            raise Fail(1002)
        if opcode not in (0, 1, 2, 8, 9, 10):
            if "any opcode" not in self.faults:
                raise Fail(1002)
            opcode = 10
        if opcode >= 8 and not fin and "fragmented control" not in self.faults:
            raise Fail(1002)
        length = second & 127
        if opcode >= 8 and length > 125 and "long control" not in self.faults:
            raise Fail(1002)
        if length == 126:
            (length,) = struct.unpack("!H", self.read(2))
            if length > 1000 and "small only" in self.faults:
                raise Fail(1005 if "no codes" in self.faults else 1009)
        elif length == 127:
            (length,) = struct.unpack("!Q", self.read(8))
            if "32-bit lengths" in self.faults:
                length &= 0xFFFFFFFF
        key = self.read(4) if second & 0x80 else b"\0\0\0\0"
        if length > LONGEST and "waits for anything" not in self.faults:
            raise Fail(1009)
        payload = mask(self.read(length), key)
        if opcode >= 8:
            return self.control(opcode, payload)
        self.part(opcode, payload, last=bool(fin))
        return True

    def control(self, opcode: int, payload: bytes) -> bool:
        if opcode == 9 and "no pongs" not in self.faults:
            unread = "unread pings" in self.faults
            self.send(10, payload[: 0 if unread else 4 if "short pongs" in self.faults else None])
            if unread and payload:  # which is taken for a frame
                return False
        if opcode != 8:
            return True
        if "ignores close" in self.faults:
            return True
        if "goes on" in self.faults:
            self.send(8, payload)
            return True
        if "no close frame" in self.faults:
            return False
        code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005
        if "any close" not in self.faults and payload:
            if code not in GOOD_CODES or len(payload) == 1:
                raise Fail(1002)
            try:
                payload[2:].decode()
            except UnicodeDecodeError:
                raise Fail(1007) from None
        raise Fail(1001 if "other code" in self.faults else code)

    def part(self, opcode: int, payload: bytes, *, last: bool) -> None:
        if opcode:
            if self.message and "any order" not in self.faults:
                raise Fail(1002)
            self.opcode, self.message = opcode, [payload]
            self.decoder.reset()
        elif not self.message and "any order" not in self.faults:
            raise Fail(1002)
        else:
            self.message.append(payload)
        if self.opcode == 1 and "any text" not in self.faults:
            late = "late UTF-8" in self.faults
            try:
                if late and last:
                    b"".join(self.message).decode()
                elif not late:
                    self.decoder.decode(payload, last)
            except UnicodeDecodeError:
                raise Fail(1002 if "1002 for text" in self.faults else 1007) from None
        if last:
            whole, self.message = b"".join(self.message), []
            if "first fragment" in self.faults:
                whole = payload
            if "cuts long messages" in self.faults:
                whole = whole[:126]
            if "binary as text" in self.faults and re.fullmatch(rb"[ -~]*", whole):
                self.opcode = 1
            if "loses messages" in self.faults and whole.endswith(b"7"):
                return
            if "no echo" in self.faults:
                return
            self.server.last = self.server.last or self
            if "mixes clients up" in self.faults:
                self.server.last.send(self.opcode or 1, whole)
            else:
                self.send(self.opcode or 1, whole)
