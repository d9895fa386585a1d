# SPDX-License-Identifier: MIT
"""The page by keyboard, by screen reader, on a phone, in light and dark."""

from __future__ import annotations

from typing import Any

import pytest

from .actions import PASSWORD, Visit, expect, log_in, shows, type_line

# A browser rejects the certificate with an alert, and reconnects once the user accepts it. It drops
# connections when its pages close.
pytestmark = pytest.mark.failures("tls_alert", "handshake_closed", "peer_reset")

PHONE: dict[str, Any] = {
    "viewport": {"width": 320, "height": 640},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


def test_by_keyboard_only(visit: Visit) -> None:
    """Everything can be reached, used and left with the keyboard; focus follows reading order."""
    page = visit()

    def focused() -> str:
        name: str = page.evaluate("((e) => e.id || e.textContent)(document.activeElement)")
        return name

    def walk(count: int, key: str = "Tab") -> list[str]:
        names = []
        for _ in range(count):
            page.keyboard.press(key)
            names.append(focused())
        return names

    assert walk(3) == ["password", "connect", "again"]
    page.keyboard.press("Space")
    assert page.get_by_label("Log in again automatically").is_checked()
    page.keyboard.press("Space")
    assert walk(2, "Shift+Tab") == ["connect", "password"]
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    shows(page, ">>>")
    type_line(page, "40 + 2")
    shows(page, "42", ">>>")
    page.keyboard.press("Escape")
    assert walk(9) == ["Ctrl-C", "Ctrl-D", "Ctrl-A", "Ctrl-B", "Tab", "↑", "↓", "leave", "file"]
    assert walk(4) == ["folder", "Upload", "path", "Download"]
    assert walk(13, "Shift+Tab")[-2:] == ["Ctrl-C", "keys"]
    page.keyboard.press("Shift+Tab")
    assert focused() == "out"
    outline = page.evaluate("getComputedStyle(document.querySelector('#screen')).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    walk(8)
    page.keyboard.press("Enter")
    expect(page.locator("#session")).to_have_text("Logged out")
    expect(page.get_by_label("WebREPL password")).to_be_focused()


def test_everything_has_a_name(visit: Visit) -> None:
    """Fields and buttons have labels, live regions have roles, headings skip no level."""
    page = visit()
    log_in(page)
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input, textarea, button, progress')].filter((e) =>"
        " !e.labels?.length && !e.getAttribute('aria-label') && !e.textContent.trim())"
        ".map((e) => e.outerHTML)"
    )
    assert unnamed == []
    assert page.get_by_role("log").get_attribute("aria-label") == "Terminal output"
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].map((e) => Number(e.tagName[1]))"
    )
    assert levels == [1, 2, 2, 2]
    assert page.evaluate("document.documentElement.lang") == "en"


def test_on_a_phone(visit: Visit) -> None:
    """At 320 pixels nothing scrolls sideways, buttons fit a thumb, and a line can be run."""
    page = visit(**PHONE)

    def sideways() -> int:
        width: int = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width

    assert sideways() <= 0
    log_in(page)
    type_line(page, "'x' * 200")
    shows(page, "'" + "x" * 200 + "'", ">>>")
    assert sideways() <= 0
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box
        assert box["height"] >= 40
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 320
    page.get_by_role("button", name="Previous line").tap()
    expect(page.locator("#line")).to_contain_text("'x' * 200")
    sizes = page.evaluate(
        "[...document.querySelectorAll('input:not([type=checkbox]), textarea')]"
        ".map((e) => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 16, "iOS zooms in on smaller fonts"


CONTRAST = """
(selector) => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  return [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility()
    && e.textContent.trim()).map((e) => {
    let behind = e;
    while (behind && numbers(getComputedStyle(behind).backgroundColor)[3] === 0)
      behind = behind.parentElement;
    const pair = [light(numbers(getComputedStyle(e).color)),
      light(numbers(getComputedStyle(behind ?? document.body).backgroundColor))];
    return [e.id || e.tagName, (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05), pair];
  });
}
"""
"""Contrast of texts with their backgrounds (WCAG 2.2, relative luminance)."""


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_light_and_dark(colors: str, visit: Visit) -> None:
    """The page follows the system's colour scheme, and every text has WCAG AA contrast."""
    page = visit(color_scheme=colors)
    log_in(page)
    type_line(page, "1")
    shows(page, "1", ">>>")
    texts = page.evaluate(
        CONTRAST, "h1, h2, p, dt, dd, label, button:enabled, #out div, #line span"
    )
    assert len(texts) > 30
    assert [text for text in texts if text[1] < 4.5] == []
    ink, paper = texts[0][2]
    assert (ink < paper) is (colors == "light")
