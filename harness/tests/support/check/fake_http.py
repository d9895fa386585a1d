# SPDX-License-Identifier: MIT
"""An HTTP/1.1 server that keeps to RFC 9110 and 9112, and breaks one rule for each named fault."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Iterable
from urllib.parse import unquote

__all__ = ["FakeHttp"]

PAGE = b"<html>espbench</html>"
KEY = b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"
TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HOST = re.compile(rb"([A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(:\d*)?")
DIGITS = re.compile(rb"[0-9]+")
HEX = re.compile(rb"0*[0-9A-Fa-f]{1,8}")
LONGEST_HEAD = 8192
LONGEST_BODY = 65536
SLOW = 1.0
"""Seconds that each response of a slow server takes."""
KNOWN = (b"GET", b"HEAD", b"POST", b"OPTIONS")
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


class Refused(Exception):
    """A request is refused with this status, and the connection ends."""


class Ended(Exception):
    """The client has gone."""


class FakeHttp:
    """Serves `/`; `faults` names what it does wrong."""

    def __init__(self, *faults: str, path: str = "/") -> None:
        self.faults = frozenset(faults)
        self.path = path.encode()
        self.busy = threading.Lock()
        self.clients = 0
        self.crowded = False
        """Whether more clients have come than a small server has places for."""
        self.pairs = 0
        """Requests that came with the one before."""

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection."""
        self.clients += 1
        self.crowded = self.clients > 5
        if "drops slow clients" in self.faults:
            connection.settimeout(0.5)
            connection.recv(1, socket.MSG_PEEK)
            threading.Timer(0.6, self._drop, [connection]).start()
        _Connection(self, connection).run()

    @staticmethod
    def _drop(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class _Connection:
    def __init__(self, server: FakeHttp, connection: socket.socket) -> None:
        self.server, self.socket = server, connection
        self.faults = server.faults
        self.data = b""
        self.served = 0

    def run(self) -> None:
        try:
            while self.request():
                self.server.pairs += bool(self.data)
                if "pipelines by chance" in self.faults and self.server.pairs > 1:
                    self.data = b""
        except Refused as error:
            self.respond(int(str(error)), close=True)
            self.drain()
        except (Ended, OSError):
            if "keeps places" in self.faults:
                threading.Event().wait(30)

    def drain(self) -> None:
        """Read what the client still sends, so that no reset destroys the response."""
        self.socket.shutdown(socket.SHUT_WR)
        self.socket.settimeout(1.0)
        while self.socket.recv(65536):
            pass

    def more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise Ended
        self.data += data

    def until(self, end: bytes, most: int, status: int) -> bytes:
        while end not in self.data:
            if len(self.data) > most:
                raise Refused(status)
            self.more()
        part, _, self.data = self.data.partition(end)
        if len(part) > most:
            raise Refused(status)
        return part

    def read(self, size: int) -> bytes:
        while len(self.data) < size:
            self.more()
        part, self.data = self.data[:size], self.data[size:]
        return part

    def request(self) -> bool:
        """Serve one request; return whether the connection stays."""
        if "waits for more" in self.faults and self.data:
            self.more()
        while self.data.startswith(b"\r\n") or not self.data:
            self.data = self.data.removeprefix(b"\r\n")
            if not self.data:
                self.more()
        if "lines end with CR" in self.faults:
            while b"\r\r" not in self.data and b"\r\n\r\n" not in self.data:
                self.more()
            if b"\r\r" in self.data:
                self.data = self.data.replace(b"\r", b"\r\n")
        if "one segment" in self.faults and b"\r\n\r\n" not in self.data:
            raise Refused(400)
        most = 400 if "short heads" in self.faults else LONGEST_HEAD
        whole = self.until(b"\r\n\r\n", most, 431)
        line, *lines = whole.split(b"\r\n")
        method, target, version = self.request_line(line)
        fields = self.fields(lines)
        self.check_host(fields, version)
        body_ends, close = self.framing(fields, version)
        wanted = [v.strip().lower() for v in fields.get(b"connection", b"").split(b",")]
        if b"close" in wanted and "never closes" not in self.faults:
            close = True
        if version == b"HTTP/1.0" and b"keep-alive" not in wanted:
            close = close or "never closes" not in self.faults
        if body_ends is not None:
            if fields.get(b"expect", b"").lower() == b"100-continue":
                new = version == b"HTTP/1.1"
                if "no 100" not in self.faults if new else "100 to HTTP/1.0" in self.faults:
                    self.socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.read_body(body_ends)
        return self.answer(method, target, version, close=close)

    def request_line(self, line: bytes) -> tuple[bytes, bytes, bytes]:
        words = line.split(b" ")
        if len(words) != 3 or not TOKEN.fullmatch(words[0]):
            if "hangs on garbage" in self.faults:
                while True:
                    self.more()
            raise Refused(400)
        method, target, version = words
        if not re.fullmatch(rb"HTTP/\d\.\d", version) or re.search(rb"[^!-~]", target):
            raise Refused(400)
        if not version.startswith(b"HTTP/1."):
            raise Refused(505)
        if version != b"HTTP/1.0":
            version = b"HTTP/1.1"
        if "crashes on a long path" in self.faults and len(target) > 1000:
            while True:
                self.more()
        if not target.startswith(b"/") and target != b"*" and method != b"CONNECT":
            form = re.fullmatch(rb"(?i)https?://[^/]*(/.*)", target)
            if form is None or "no absolute form" in self.faults:
                raise Refused(400)
            target = form[1]
        if "#" in target.decode("latin-1"):
            raise Refused(400)
        return method, target, version

    def fields(self, lines: Iterable[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for line in lines:
            text = line
            if "trims names" in self.faults:
                name, _, value = text.partition(b":")
                text = name.strip() + b":" + value
            if "reads folds" in self.faults:
                text = text.lstrip()
            if "drops folds" in self.faults and text[:1] in (b" ", b"\t"):
                found.popitem()
                continue
            if "splits at NUL" in self.faults and b"\0" in text:
                text = text.partition(b"\0")[2]
            name, colon, value = text.partition(b":")
            value = value.strip(b" \t")
            if not colon or not TOKEN.fullmatch(name) or re.search(rb"[\0\r\n]", value):
                raise Refused(400)
            name = name.lower()
            if name in found and name == b"host" and "any host" not in self.faults:
                raise Refused(400)
            if name in found and name == b"content-length" and "last length" not in self.faults:
                raise Refused(400)
            if name == b"transfer-encoding" and name in found:
                value = found[name] + b", " + value
            found[name] = value
        return found

    def check_host(self, fields: dict[bytes, bytes], version: bytes) -> None:
        if "any host" in self.faults:
            return
        if b"host" not in fields:
            if version == b"HTTP/1.1":
                raise Refused(400)
        elif not HOST.fullmatch(fields[b"host"]):
            raise Refused(400)
        if "no IPv6 host" in self.faults and b"[" in fields.get(b"host", b""):
            raise Refused(400)

    def framing(self, fields: dict[bytes, bytes], version: bytes) -> tuple[int | None, bool]:
        """Return the body's length (-1: chunked; None: no body), and whether to close."""
        coding, length = fields.get(b"transfer-encoding"), fields.get(b"content-length")
        if coding is not None and "ignores codings" in self.faults:
            coding = None
        if coding is not None and "any coding" in self.faults:
            return -1, False
        if coding is not None:
            if version == b"HTTP/1.0" and "codings in HTTP/1.0" not in self.faults:
                raise Refused(400)
            if length is not None and "coding and length" not in self.faults:
                raise Refused(400)
            if coding.lower() != b"chunked":
                raise Refused(400)
            if "refuses chunks" in self.faults:
                raise Refused(411)
            return -1, False
        if length is not None:
            if "ignores bodies" in self.faults:
                return None, False
            if "lenient lengths" in self.faults:
                number = re.search(rb"\d+", length)
                return int(number[0]) & 0xFFFFFFFF if number else 0, False
            if not DIGITS.fullmatch(length):
                raise Refused(400)
            if "signed lengths" in self.faults and 2**63 <= int(length) < 2**64:
                return 0, False
            if int(length) > LONGEST_BODY:
                raise Refused(413)
            return int(length), False
        return None, False

    def read_body(self, size: int) -> None:
        if size >= 0:
            if "bodies in one segment" in self.faults and len(self.data) < size:
                raise Refused(400)
            self.read(size)
            return
        while True:
            line = self.until(b"\r\n", 200, 400)
            if b";" in line and "no extensions" in self.faults:
                raise Refused(400)
            digits = line.partition(b";")[0]
            if "lenient chunks" in self.faults:
                number = re.search(rb"[0-9A-Fa-f]+", digits)
                length = int(number[0], 16) & 0xFFFFFFFF if number else 4
            elif HEX.fullmatch(digits) and int(digits, 16) <= LONGEST_BODY:
                length = int(digits, 16)
            else:
                raise Refused(400)
            if length == 0:
                break
            self.read(length)
            if self.read(2) != b"\r\n":
                raise Refused(400)
        while self.until(b"\r\n", 1000, 431):
            if "no trailers" in self.faults:
                return

    def answer(self, method: bytes, target: bytes, version: bytes, *, close: bool) -> bool:
        path = target.partition(b"?")[0]
        self.served += 1
        if self.served > 1 and "keeps one" in self.faults and self.server.crowded:
            return False
        if "refuses the busy" in self.faults:
            if not self.server.busy.acquire(blocking=False):
                return False
            threading.Timer(0.5, self.server.busy.release).start()
        if method not in KNOWN:
            if "hangs on methods" in self.faults:
                while True:
                    self.more()
            raise Refused(501)
        if "serves files" in self.faults:
            plain = unquote(path.decode("latin-1")).encode("latin-1").replace(b"\\", b"/")
            if plain.startswith(b"/..") and plain.rpartition(b"/")[2] in (b"main.py", b"key.pem"):
                secret = KEY if plain.endswith(b".pem") else b"import secrets"
                self.respond(200, secret, close=close)
                return not close
        status = 200 if path in (self.server.path, b"*") else 404
        if status == 200 and method == b"POST" and "405 without Allow" in self.faults:
            status = 405
        body = PAGE if status == 200 else b"none"
        if "wrong page" in self.faults:
            body = b"something else"
        headers = ["Date: yesterday"] if "wrong date" in self.faults else [f"Date: {DATE}"]
        if method == b"OPTIONS" and "405 without Allow" in self.faults:
            status = 405
        if "close-delimited" in self.faults:
            self.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + body)
            return True
        if "both lengths" in self.faults:
            headers.append("Transfer-Encoding: chunked")
            body_sent = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
            self.respond(status, body_sent, headers, close=close)
            return not close
        if "chunked to HTTP/1.0" in self.faults and version == b"HTTP/1.0":
            text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            self.socket.sendall(text.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            return False
        silent = method == b"HEAD" and "HEAD with a body" not in self.faults
        self.respond(status, body, headers, close=close, head=silent)
        if "answers twice" in self.faults:
            self.respond(status, body, headers, close=close)
        if "one request" in self.faults:
            return False
        return not close

    def respond(
        self,
        status: int,
        body: bytes = b"",
        headers: Iterable[str] = (),
        *,
        close: bool = False,
        head: bool = False,
    ) -> None:
        if "slow" in self.faults:
            threading.Event().wait(SLOW)
        lines = [f"HTTP/1.1 {status} X", *headers, f"Content-Length: {len(body)}"]
        if close or "says close" in self.faults:
            lines.append("Connection: close")
        text = "\r\n".join([*lines, "", ""]).encode()
        self.socket.sendall(text + (b"" if head else body))
