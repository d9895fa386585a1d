# SPDX-License-Identifier: MIT
"""A failure is summarized in a few lines: the cause, and the device's state."""

from __future__ import annotations

import pytest
from espbench.reporting.failure_summary import WIDEST, cause, failure_lines, last_line

TRACEBACK = """\
    def test_it():
>       connect()
E       TimeoutError: the first

During handling of the above exception, another exception occurred:

>       raise Panicked(text)
E       espbench.errors.Panicked: The guest panicked 1.250 s after its start: abort() was called
E       #0 0x60000008 ??
E       and more

test_it.py:4: Panicked
"""
PLAIN = """Traceback (most recent call last):
  File "x.py", line 1, in <module>
ModuleNotFoundError: No module named 'x'
"""


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("assert 1 == 2\n +  where 1 = f()", "assert 1 == 2"),
        ("espbench.errors.QemuDied: it said:\nx\ny", "QemuDied: it said: y"),
        (
            "espbench.errors.NotReady: did not answer; its console ended with:\nI (5) a: b\n"
            "E (6) c: d\nW (7) e: f",
            "NotReady: did not answer; its console ended with: W (7) e: f",
        ),
        ("E   espbench.errors.QemuDied: it said:\nE   x\nE   y\n\nz", "QemuDied: it said: y"),
        (TRACEBACK, "Panicked: The guest panicked 1.250 s after its start: abort() was called"),
        (PLAIN, "ModuleNotFoundError: No module named 'x'"),
        ("host.example.org: Refused", "host.example.org: Refused"),
        ("\n \n", "no reason given"),
    ],
)  # fmt: skip
def test_cause(message: str, expected: str) -> None:
    """The cause is the first line of the error, or of the last of several errors."""
    assert cause(message) == expected


def test_long_cause() -> None:
    """A cause is one line of limited length."""
    assert cause("x" * 5000) == "x" * (WIDEST - 1) + "…"


def test_last_line() -> None:
    """The last line of a console is the last one with text."""
    assert last_line("one\ntwo \n\n>>> ") == "two"
    assert last_line("") == ""


def test_failure_lines() -> None:
    """A failure is a line, followed by its devices and its evidence."""
    assert failure_lines("t", "why", ["device: well"], ["e/t"]) == [
        "t: why",
        "    device: well",
        "    evidence: e/t",
    ]
