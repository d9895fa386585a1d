# SPDX-License-Identifier: MIT
"""Clients that trickle, hold connections or read nothing, on servers with few places."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace
from typing import cast

import pytest
from espbench.check.families.http import places, slow
from espbench.check.families.http.slow import Tricklers, _dropped
from fake_device import fault_of, listening, subject_of
from fake_http import FakeHttp


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for seconds instead of tens of them."""
    monkeypatch.setattr(slow, "PATIENCE", 1.0)
    monkeypatch.setattr(slow, "NEVER", 2.0)
    monkeypatch.setattr(slow, "HELD_UP", 0.8)
    monkeypatch.setattr(slow, "WATCH", 1.0)
    monkeypatch.setattr(slow, "PAUSE", 0.05)
    monkeypatch.setattr(places, "PATIENCE", 1.0)
    monkeypatch.setattr(places, "SOON", 0.5)


FAULTS = [
    # name, faults, connections that are served at once, what the check says
    ("http.slow_heads:one", (), 1, "While a client sends its head byte by byte, nobody else"),
    ("http.slow_bodies:one", (), 1, "While a client sends its body byte by byte, nobody else"),
    ("http.slow_heads:many", (), 8, "While 8 clients send their head byte by byte, nobody else"),
    ("http.slow_bodies:many", (), 8, "nobody else is served for 2 s (none is dropped within 2 s)"),
    ("http.slow_heads:many", ("drops slow clients",), 16, "all are dropped"),
    ("http.slow_heads:many", (), 16, "none is dropped within 1 s"),
    ("http.unread", (), 1, "reads no response, nobody else is served"),
    ("http.idle_connections", (), 4, "[4 idle connections can keep all other clients out for"),
    ("http.held_connections", (), 4, "[While 4 clients keep their connections open, one more is"),
    ("http.held_connections", ("keeps one",), 16, "None of 16 clients that kept a"),
    ("http.at_once:eight", ("refuses the busy",), 16, "[It served 1 of 8 simultaneous clients"),
    ("http.at_once:three", ("refuses the busy",), 16, "It served 1 of 3 simultaneous clients"),
]


@pytest.mark.parametrize(("name", "faults", "at_once", "sentence"), FAULTS)
def test_few_places(name: str, faults: tuple[str, ...], at_once: int, sentence: str) -> None:
    """What a server cannot do is said, as a failure or, in brackets, as an observation."""
    with listening(FakeHttp(*faults).serve, at_once=at_once) as port:
        assert sentence in fault_of(subject_of(port), name)


def test_all_are_let_go() -> None:
    """When the block ends, even by an error, no client of a check holds a place."""
    with listening(FakeHttp().serve, at_once=8) as port, ExitStack() as stack:
        subject = subject_of(port)
        stack.enter_context(slow.Tricklers(subject, 8, b"GET / HTTP/1.1\r\n", b"x" * 100))
        assert not subject.answers(timeout=0.3)
        stack.close()
        assert subject.answers(timeout=2.0)


@pytest.mark.parametrize(
    ("dropped", "answered", "words"),
    [
        ([], 0, "none is dropped within 9 s"),
        ([0.2, 0.4], 0, "2 are dropped within a second"),
        ([0.2, 0.4], 2, "2 are answered within a second"),
        ([0.2, 0.4], 1, "2 are answered or dropped within a second"),
        ([0.2], 1, "1 is answered within a second"),
        ([0.2, 5.0], 0, "2 are dropped within 5 s"),
        ([5.1, 5.3], 0, "2 are dropped after 5 s"),
        ([3.0, 7.0], 0, "2 are dropped after 3 to 7 s"),
        ([0.1] * 8, 8, "all are answered within a second"),
    ],
)
def test_when_clients_are_dropped(dropped: list[float], answered: int, words: str) -> None:
    """Clients that are dropped at once are not dropped "after 0 s"; and answers are told apart."""
    slow = SimpleNamespace(dropped=dropped, answered=answered, count=8, seconds=9.0)
    assert _dropped(cast("Tricklers", slow)) == words
