# SPDX-License-Identifier: MIT
"""A WebSocket as a check sees it: what it sends, and what comes back, one event after the other."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from weakref import WeakKeyDictionary

from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    TextMessage,
)

from espbench.check.segments import APART_BY, stands_apart
from espbench.check.subject import Subject
from espbench.clients import ClientTimeout, ConnectionEnded, Frame, RawWebSocket, WebSocketError
from espbench.clients.errors import ClientError
from espbench.clients.websocket import BINARY, CLOSE, PONG, close_payload, upgrade_headers
from espbench.device.device import Device
from espbench.util.timeouts import Deadline

__all__ = ["PATIENCE", "Conversation", "Got", "echoes_binary", "fields_of"]

PATIENCE = 6.0
"""Seconds (before scaling) within which a well server answers."""
POLITE = 2.0
"""Seconds (before scaling) to wait for the end of a connection that nobody judges."""
SHOWN = 40
"""Characters of a message that a sentence shows at most."""
FAULTS = {
    "codec can't decode": "text that is not UTF-8",
    "unexpected CONTINUATION": "a continuation frame without a message to continue",
    "expected CONTINUATION": "a new message within a fragmented one",
    "Invalid opcode": "a reserved opcode",
    "fragment control frame": "a fragmented control frame",
    "unexpected masked frame": "a masked frame",
    "payload len > 125": "a control frame of more than 125 bytes",
    "would have sufficed": "a length that is not in its shortest form",
    "non-zero MSB": "a length whose most significant bit is set",
    "Reserved bit": "a reserved bit",
    "CLOSE with 1 byte payload": "a close frame with one byte",
    "local-only reason": "a close code that must not be sent",
    "unknown reserved code": "a close code that is reserved",
    "CLOSE with invalid code": "an invalid close code",
}
"""Parts of what wsproto says about an invalid frame, and the same in a sentence's words."""
NO_CODE = 1005
"""Code of a close frame that has none (RFC 6455, section 7.4.1)."""


@dataclass(frozen=True)
class Got:
    """Something that came from the server.

    Attributes:
        kind: "message", "pong", "close", "end", or "invalid" for a frame that no server may send.
        data: the message or the payload; for an end, how it ended; what is invalid.
        code: the close code; `NO_CODE` without one.
    """

    kind: str
    data: str | bytes = ""
    code: int = 0

    def __str__(self) -> str:
        """Return it for a sentence."""
        if self.kind == "close":
            code = "without a code" if self.code == NO_CODE else f"with code {self.code}"
            return f"a close frame {code}"
        text = self.data if isinstance(self.data, str) else ""
        if self.kind == "end":
            how = {"closed": "the end of the connection", "reset": "a connection reset"}
            return how.get(text, f"an error ({text})")
        if self.kind == "invalid":
            return f"an invalid frame ({_fault(text)})"
        if not self.data:
            return f"an empty {self.kind}"
        shown = repr(self.data) if text else repr(self.data)[1:]
        if len(shown) <= SHOWN:
            return f"the {self.kind} {shown}"
        unit = "characters" if text else "bytes"
        return f"a {self.kind} of {len(self.data)} {unit} ({shown[:SHOWN]}...{shown[-1]})"


def _fault(text: str) -> str:
    """Return what is wrong with a frame in the words of RFC 6455, by wsproto's message."""
    return next((words for part, words in FAULTS.items() if part in text), text)


def fields_of(subject: Subject) -> dict[str, str]:
    """Return the header fields of an upgrade that the server accepts."""
    fields = {**upgrade_headers(), **subject.profile.headers}
    if subject.websocket is not None and subject.websocket.subprotocol:
        fields["Sec-WebSocket-Protocol"] = subject.websocket.subprotocol
    return fields


class Conversation:
    """An open WebSocket to the path that a check asks; the end of the block closes it."""

    def __init__(self, subject: Subject) -> None:
        """Open it.

        Raises:
            ClientError: it did not open.
        """
        self.socket: RawWebSocket = subject.endpoint.websocket(
            subject.websocket_path, headers=fields_of(subject)
        )
        self._pieces: list[str | bytes] = []
        self.over = False
        """Whether the connection has ended, or a close frame came."""

    def send(self, data: bytes, chop: int = 0) -> None:
        """Send bytes, in one piece or in pieces of `chop` bytes; the server may be gone.

        Single bytes come apart at both ends, so that neither host nor server joins them.
        """
        with contextlib.suppress(ClientError):
            if not chop:
                self.socket.send_bytes(data)
                return
            starts = range(0, len(data), chop)
            for number, start in enumerate(starts):
                self.socket.send_bytes(data[start : start + chop])
                if chop == 1 and stands_apart(number, len(starts)):
                    threading.Event().wait(APART_BY)

    def send_frames(self, *frames: Frame, chop: int = 0) -> None:
        """Send frames, all in one piece unless `chop` is given."""
        self.send(b"".join(frame.encode() for frame in frames), chop)

    def next(self, timeout: float | Deadline = PATIENCE) -> Got | None:
        """Return what comes next; None if nothing does in time. Pings are answered."""
        deadline = Deadline.of(timeout)
        while True:
            try:
                event = self.socket.next_event(deadline)
            except ClientTimeout:
                return None
            except ConnectionEnded as error:
                self.over = True
                return Got("end", "reset" if error.reset else "closed")
            except WebSocketError as error:
                self.over = True
                return Got("invalid", str(error).partition(": ")[2].rstrip("."))
            except ClientError as error:
                self.over = True
                return Got("end", str(error))
            if isinstance(event, CloseConnection):
                self.over = True
                return Got("close", event.reason or "", int(event.code))
            if isinstance(event, Ping):
                self.send_frames(Frame(PONG, bytes(event.payload)))
            elif isinstance(event, Pong):
                return Got("pong", bytes(event.payload))
            elif (
                isinstance(event, TextMessage | BytesMessage)
                and (whole := self._message(event)) is not None
            ):
                return whole

    def _message(self, event: TextMessage | BytesMessage) -> Got | None:
        """Add a piece to the current message; return the message if it is complete."""
        self._pieces.append(event.data if isinstance(event, TextMessage) else bytes(event.data))
        if not event.message_finished:
            return None
        pieces, self._pieces = self._pieces, []
        if isinstance(event, BytesMessage):
            return Got("message", b"".join(p for p in pieces if isinstance(p, bytes)))
        return Got("message", "".join(p for p in pieces if isinstance(p, str)))

    def gone(self, timeout: float) -> bool:
        """Return whether the server ends the TCP connection in time."""
        try:
            self.socket.wait_until_gone(timeout)
        except ClientTimeout:
            return False
        except ClientError:
            pass
        return True

    def __enter__(self) -> Self:
        """Return the conversation."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close it, and give the server a moment to free its place."""
        if not self.over:
            self.send_frames(Frame(CLOSE, close_payload(1000)))
            if kind is None:
                self.gone(POLITE)
        self.socket.stream.close()


_BINARY: WeakKeyDictionary[Device, dict[tuple[int, str], bool]] = WeakKeyDictionary()


def echoes_binary(subject: Subject) -> bool:
    """Return whether a path echoes binary messages, too; asked once for each path."""
    known = _BINARY.setdefault(subject.device, {})
    key = subject.server.port, subject.websocket_path
    if key not in known:
        with Conversation(subject) as talk:
            talk.send_frames(Frame(BINARY, b"espbench"))
            deadline = Deadline(PATIENCE / 2)
            got = talk.next(deadline)
            while got is not None and got.kind == "message" and got.data != b"espbench":
                got = talk.next(deadline)
            known[key] = got is not None and got.data == b"espbench"
    return known[key]
