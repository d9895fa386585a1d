# SPDX-License-Identifier: MIT
"""Whether a program has ended, and why, by what the console shows."""

from __future__ import annotations

import pytest
from espbench.device.console.program import LATER, SOON, ending_of

RAISED = """Traceback (most recent call last):
  File "main.py", line 6, in <module>
  File "main.py", line 5, in serve
KeyError: port
MicroPython v1.27.0 on 2026-11-30; Generic ESP32 module with ESP32
Type "help()" for more information.
>>> """
RETURNED = "I (3853) main_task: Calling app_main()\nI (4093) main_task: Returned from app_main()\n"
ADDRESS = "I (5063) esp_netif_handlers: eth ip: 10.0.2.15, mask: 255.255.255.0, gw: 0.0.0.0\n"


def test_an_exception() -> None:
    """The exception comes first, with the innermost place."""
    ending = ending_of(RAISED)
    assert ending is not None
    assert ending.cause == "KeyError: port (main.py, line 5, in serve) ended the program"
    assert ending.exception == "KeyError: port"


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        ('  File "main.py", line 3, in <module>\n', " (main.py, line 3)"),
        ('  File "main.py", line 3\n', " (main.py, line 3)"),
        ("", ""),
    ],
    ids=["in the module", "in the syntax", "nowhere"],
)
def test_places(place: str, shown: str) -> None:
    """A place in the module itself names no function, and neither does a wrong syntax."""
    ending = ending_of(f"Traceback (most recent call last):\n{place}SyntaxError: no\n>>> ")
    assert ending is not None
    assert ending.cause == f"SyntaxError: no{shown} ended the program"


def test_no_exception() -> None:
    """The prompt alone says that the program has ended, also with ESP-IDF's log behind it."""
    for text in (
        "hello\n>>> ",
        "hello\n>>> I (5063) eth: up\n",
        "hello\n>>> \x1b[0;33mW (1) a: b\n",
    ):
        ending = ending_of(text)
        assert ending is not None, text
        assert ending.cause == "The program has ended, and MicroPython is at its prompt"
        assert ending.prompt
        assert not ending.exception


def test_app_main() -> None:
    """app_main() that returned may still wait for its address, which takes a while."""
    for text, silence in ((RETURNED, LATER), (RETURNED + ADDRESS, SOON)):
        ending = ending_of(text)
        assert ending is not None
        assert ending.cause == "app_main() has returned, and no task of the application is left"
        assert (ending.prompt, ending.silence) == (False, silence)


@pytest.mark.parametrize(
    "text",
    ["", "READY\n", RAISED.removesuffix(">>> "), ">>> import server\nserving\n", "x>>> "],
)
def test_runs(text: str) -> None:
    """Without a prompt at the end, the program goes on: also after an exception in a task."""
    assert ending_of(text) is None
