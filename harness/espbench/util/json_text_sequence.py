# SPDX-License-Identifier: MIT
"""`Demultiplexer`: separates control records from console text in one byte stream.

Control records are JSON text sequences (RFC 7464): 0x1E, one JSON text, LF. No I/O happens here.
"""

from __future__ import annotations

import codecs
import json
from dataclasses import dataclass
from typing import Any

RECORD_SEPARATOR = 0x1E
LINE_FEED = 0x0A
LONGEST_RECORD = 1 << 20
"""Bytes after which an unterminated record is treated as noise."""


@dataclass(frozen=True, slots=True)
class Text:
    """Console text; line ends are `\\n`."""

    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """A control record."""

    value: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Malformed:
    """A record that is truncated or not a JSON object; others follow (RFC 7464 section 2.3)."""

    data: bytes


Item = Text | Record | Malformed


class Demultiplexer:
    """Incremental parser that returns text and records, however the bytes are split."""

    def __init__(self) -> None:
        """Start between two records."""
        self._record: bytearray | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._carriage_return = False

    def feed(self, data: bytes) -> list[Item]:
        """Take the next bytes and return the items that they complete, in order."""
        items: list[Item] = []
        position = 0
        while position < len(data):
            if self._record is None:
                end = data.find(RECORD_SEPARATOR, position)
                end = len(data) if end < 0 else end
                self._add_text(data[position:end], items)
                if end < len(data):
                    self._record = bytearray()
                position = end + 1
                continue
            position = self._feed_record(data, position, items)
        return items

    def finish(self) -> list[Item]:
        """End the stream and return its incomplete items."""
        items: list[Item] = []
        if self._record:
            items.append(Malformed(bytes(self._record)))
        self._record = None
        rest = self._decoder.decode(b"", final=True)
        if self._carriage_return:
            rest = "\r" + rest
            self._carriage_return = False
        if rest:
            items.append(Text(rest))
        return items

    def _feed_record(self, data: bytes, position: int, items: list[Item]) -> int:
        """Take bytes of a record; return the position behind them."""
        record = self._record
        assert record is not None
        line_end = data.find(LINE_FEED, position)
        restart = data.find(RECORD_SEPARATOR, position, line_end if line_end >= 0 else len(data))
        if restart >= 0:
            # A new record begins inside another: the first was truncated, by a reset for instance.
            record += data[position:restart]
            if record:
                items.append(Malformed(bytes(record)))
            self._record = bytearray()
            return restart + 1
        if line_end < 0:
            record += data[position:]
            if len(record) > LONGEST_RECORD:
                items.append(Malformed(bytes(record)))
                self._record = None
            return len(data)
        record += data[position:line_end]
        self._record = None
        items.append(_parse(bytes(record)))
        return line_end + 1

    def _add_text(self, data: bytes, items: list[Item]) -> None:
        """Decode text; a carriage return waits for the line feed that may follow it."""
        text = self._decoder.decode(data)
        if not text:
            return
        if self._carriage_return:
            text = "\r" + text
        self._carriage_return = text.endswith("\r")
        if self._carriage_return:
            text = text[:-1]
        # MicroPython's console writes "\r\r\n" when a program itself prints "\r\n".
        text = text.replace("\r\n", "\n")
        if text:
            items.append(Text(text))


def _parse(data: bytes) -> Record | Malformed:
    try:
        value = json.loads(data)
    except ValueError:
        return Malformed(data)
    return Record(value) if isinstance(value, dict) else Malformed(data)
