# SPDX-License-Identifier: MIT
"""Actions of a user on the page: log in, type, read the terminal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip(
    "playwright", reason="Playwright is not installed: pip install 'espbench[browser]'"
)
from playwright.sync_api import Page, expect

__all__ = ["BOTH", "PASSWORD", "Visit", "expect", "log_in", "screen", "shows", "type_line"]

PASSWORD = "espbench"
BOTH = pytest.mark.parametrize("scheme", ["http", "https"])
Visit = Callable[..., Page]


def log_in(page: Page, password: str = PASSWORD) -> None:
    """Log in to the terminal."""
    page.get_by_label("WebREPL password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("#session")).to_have_text("Logged in")
    expect(page.locator("#line")).to_contain_text(">>> ")


def type_line(page: Page, text: str) -> None:
    """Type a line into the terminal, where the focus is."""
    expect(page.get_by_label("Terminal input")).to_be_focused()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def screen(page: Page) -> list[str]:
    """Return the terminal's lines, with the input line last."""
    lines: list[str] = page.evaluate(
        "[...document.querySelectorAll('#out > div'), document.querySelector('#line')]"
        ".map((line) => line.textContent.trimEnd())"
    )
    return lines


def shows(page: Page, *lines: str) -> None:
    """Wait until the terminal ends with these lines."""
    page.wait_for_function(
        "(wanted) => [...document.querySelectorAll('#out > div'),"
        " document.querySelector('#line')].map((line) => line.textContent.trimEnd())"
        ".slice(-wanted.length).join('\\n') === wanted.join('\\n')",
        arg=list(lines),
    )
