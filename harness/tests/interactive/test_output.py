# SPDX-License-Identifier: MIT
"""`Output`: messages stand between the device's lines, never within one."""

from __future__ import annotations

import io

import pytest
from espbench.interactive import output
from espbench.interactive.output import Output
from rich.console import Console


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        """Return the time in seconds, as `time.monotonic` does."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that `Output` uses."""
    clock = Clock()
    monkeypatch.setattr(output, "time", clock)
    return clock


@pytest.fixture
def shown(clock: Clock) -> Output:
    """Return an output to memory."""
    to = io.StringIO()
    return Output(to, Console(file=to))


def text(shown: Output) -> str:
    """Return all that was written."""
    assert isinstance(shown.to, io.StringIO)
    return shown.to.getvalue()


def test_a_message_within_a_line_waits_for_its_end(shown: Output) -> None:
    """Output arrives in pieces, so a message can come between two letters of a line."""
    shown.write("m")
    shown.message("its program has ended")
    shown.write("")
    assert text(shown) == "m"
    shown.write("ine\n>>> ")
    assert text(shown) == "mine\nits program has ended\n>>> "
    assert shown.due() is None


def test_a_message_below_a_prompt(shown: Output, clock: Clock) -> None:
    """A prompt never ends its line, so the message follows after a short silence."""
    shown.write(">>> ")
    shown.message("http  http://127.0.0.1:8080/")
    assert shown.due() == pytest.approx(output.QUIET)
    clock.now += output.QUIET
    assert shown.due() == 0
    shown.write("")
    assert text(shown) == ">>> \nhttp  http://127.0.0.1:8080/\n"


def test_at_a_line_end_a_message_is_due_at_once(shown: Output) -> None:
    """Nothing waits without a reason."""
    shown.message("first")
    shown.message("second")
    assert shown.due() == 0
    shown.write("")
    assert text(shown) == "first\nsecond\n"


def test_a_steady_line_holds_a_message_back(shown: Output, clock: Clock) -> None:
    """Each piece of a line begins the silence again."""
    shown.write(".")
    shown.message("message")
    for _ in range(5):
        clock.now += output.QUIET * 0.9
        shown.write(".")
    assert text(shown) == "......"
    shown.write("\n")
    assert text(shown) == "......\nmessage\n"


def test_the_end_shows_what_waits(shown: Output) -> None:
    """No message is lost when the device ends within a line."""
    shown.write("half")
    shown.message("message")
    shown.write(" a line", last=True)
    assert text(shown) == "half a line\nmessage\n"
