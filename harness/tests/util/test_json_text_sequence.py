# SPDX-License-Identifier: MIT
"""The demultiplexer gives the same items however the bytes are split."""

from __future__ import annotations

import itertools

import pytest
from espbench.util.json_text_sequence import (
    LONGEST_RECORD,
    Demultiplexer,
    Item,
    Malformed,
    Record,
    Text,
)


def run(*chunks: bytes) -> list[Item]:
    """Feed the chunks, and join adjacent texts."""
    demultiplexer = Demultiplexer()
    items = [item for chunk in chunks for item in demultiplexer.feed(chunk)]
    items += demultiplexer.finish()
    joined: list[Item] = []
    for item in items:
        if isinstance(item, Text) and joined and isinstance(joined[-1], Text):
            joined[-1] = Text(joined[-1].text + item.text)
        else:
            joined.append(item)
    return joined


STREAM = (
    "boot ä€😀\r\n".encode()
    + b'\x1e{"event":"boot","us":1}\n'
    + b">>> 1\r\n"
    + b'\x1e{"id":7,"ok":true,"value":"\\n \xc3\xa4"}\r\n'
    + b'\x1e{"cut": \x1e{"id":8}\n\x1enonsense\n\x1e[1]\nend\r'
)
EXPECTED = [
    Text("boot ä€😀\n"),
    Record({"event": "boot", "us": 1}),
    Text(">>> 1\n"),
    Record({"id": 7, "ok": True, "value": "\n ä"}),
    Malformed(b'{"cut": '),
    Record({"id": 8}),
    Malformed(b"nonsense"),
    Malformed(b"[1]"),
    Text("end\r"),
]


def test_whole() -> None:
    """A stream that comes in one piece is split into its items."""
    assert run(STREAM) == EXPECTED


def test_every_byte() -> None:
    """A stream that comes byte by byte gives the same items."""
    assert run(*(bytes([byte]) for byte in STREAM)) == EXPECTED


def test_every_split() -> None:
    """A stream that comes in two pieces gives the same items, wherever it was split."""
    for cut in range(len(STREAM) + 1):
        assert run(STREAM[:cut], STREAM[cut:]) == EXPECTED, cut


def test_every_split_in_three() -> None:
    """A stream that comes in three pieces around a record gives the same items."""
    stream = 'é\r\n\x1e{"id":1}\n\r\n'.encode()
    for first, second in itertools.combinations(range(len(stream) + 1), 2):
        pieces = stream[:first], stream[first:second], stream[second:]
        assert run(*pieces) == [Text("é\n"), Record({"id": 1}), Text("\n")]


def test_character_around_a_record() -> None:
    """A UTF-8 character that is interrupted by a record is decoded after it."""
    assert run(b'\xc3\x1e{"id":1}\n\xa4') == [Record({"id": 1}), Text("ä")]


def test_bad_utf8() -> None:
    """Bytes that are not UTF-8 become replacement characters, and the stream goes on."""
    assert run(b"a\xff\xfeb\xe2") == [Text("a\ufffd\ufffdb\ufffd")]


def test_lone_carriage_return() -> None:
    """A carriage return without a line feed is kept."""
    assert run(b"10%\r", b"20%\r\n") == [Text("10%\r20%\n")]


def test_cut_off_at_the_end() -> None:
    """A record truncated by the end of the stream is reported."""
    assert run(b'a\x1e{"id"') == [Text("a"), Malformed(b'{"id"')]


def test_endless_record() -> None:
    """A record that never ends does not exhaust the memory, and text is found after it."""
    items = run(b"\x1e" + b"x" * (LONGEST_RECORD + 1), b"text")
    assert [type(item) for item in items] == [Malformed, Text]


@pytest.mark.parametrize("empty", [b"", b"\x1e", b"\x1e\x1e\x1e"])
def test_nothing(empty: bytes) -> None:
    """Separators without anything between them give no items."""
    assert run(empty) == []
