# SPDX-License-Identifier: MIT
"""Errors and warnings on a console, and the end of a program."""

from __future__ import annotations

from espbench.check.diagnosis.console_lines import complaints, program_ended

TRACEBACK = """\
Traceback (most recent call last):
  File "main.py", line 3, in <module>
  File "server.py", line 9, in loop
OSError: [Errno 12] ENOMEM
"""


def test_log() -> None:
    """Errors and warnings are grouped by their text without numbers; information is left out."""
    text = (
        "I (100) main: started\n"
        "\x1b[0;31mE (200) httpd: error accepting, 23\x1b[0m\n"
        "E (210) httpd: error accepting, 24\n"
        "W (00:00:01.200) esp-tls: slow\n"
    )
    assert complaints(text) == ["E httpd: error accepting, 23 (2 times)", "W esp-tls: slow"]


def test_traceback() -> None:
    """A traceback counts with its last line."""
    assert complaints(TRACEBACK) == ["Traceback: OSError: [Errno 12] ENOMEM"]
    assert complaints("all is well\n") == []


def test_program_ended() -> None:
    """A prompt at the end says that a program has ended, and a traceback why."""
    assert (
        program_ended(TRACEBACK + ">>> ") == "its program has ended with OSError: [Errno 12] ENOMEM"
    )
    assert program_ended("done\n>>> ") == "its program has ended"
    assert program_ended(TRACEBACK) == ""
    assert program_ended(">>> import x\nserving\n") == ""
