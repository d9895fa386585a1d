# SPDX-License-Identifier: MIT
"""`ending_of`: whether the guest's program has ended, and why, by what its console shows; pure.

MicroPython shows its prompt when main.py has ended, behind the traceback of an exception that ended
it. ESP-IDF logs that app_main returned; its tasks may serve all the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["TRACEBACK", "Ending", "ending_of"]

TRACEBACK = re.compile(
    r"^Traceback \(most recent call last\):\n((?: .*\n)*)(\S[^\n]*)", re.MULTILINE
)
"""The lines with the places, and the first line of the exception."""
_PLACE = re.compile(r'^ +File "([^"\n]*)", line (\d+)(?:, in (\S+))?', re.MULTILINE)
_LOG = r"(?:(?:\x1b\[[\d;]*m)*[EWIDV] \([^\n]*\n?)*"
"""Lines of ESP-IDF's log, which its tasks also print behind the prompt."""
_PROMPT = re.compile(rf"^>>> {_LOG}\Z", re.MULTILINE)
_RETURNED = re.compile(r"main_task: Returned from app_main\(\)")
"""components/freertos/app_startup.c"""
_ADDRESS = re.compile(r"(?:esp_netif_handlers: \w+ ip: |got ip)", re.IGNORECASE)
"""esp_netif_action_got_ip (components/esp_netif/esp_netif_handlers.c), and many examples."""

SOON, LATER = 2.0, 10.0
"""Seconds (before scaling) of silence after which the program cannot go on by itself: `LATER` where
it may be waiting for its address."""


@dataclass(frozen=True)
class Ending:
    """How a program has ended.

    Attributes:
        cause: a clause without a full stop, such as "KeyError: port (main.py, line 5, in serve)
            ended the program".
        prompt: whether MicroPython's prompt shows it.
        exception: the line of the exception that ended it; "" for none.
        silence: seconds (before scaling) of silence that prove the end, if no task goes on.
    """

    cause: str
    prompt: bool = True
    exception: str = ""
    silence: float = SOON


def ending_of(text: str) -> Ending | None:
    """Return how the program has ended; None if it runs, as far as its console shows.

    Args:
        text: what the console has shown since the boot.
    """
    if _PROMPT.search(text):
        if not (found := TRACEBACK.findall(text)):
            return Ending("The program has ended, and MicroPython is at its prompt")
        places, exception = found[-1]
        exception = exception.rstrip()
        cause = f"{exception}{_innermost(places)} ended the program"
        return Ending(cause, exception=exception)
    if _RETURNED.search(text):
        silence = SOON if _ADDRESS.search(text) else LATER
        cause = "app_main() has returned, and no task of the application is left"
        return Ending(cause, prompt=False, silence=silence)
    return None


def _innermost(places: str) -> str:
    """Return the last place of a traceback, in brackets; "" if there is none."""
    found = _PLACE.findall(places)
    if not found:
        return ""
    file, line, function = found[-1]
    where = f"{file}, line {line}"
    return f" ({where}, in {function})" if function not in ("", "<module>") else f" ({where})"
