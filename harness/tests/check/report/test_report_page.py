# SPDX-License-Identifier: MIT
"""The HTML report of checks in a browser: it fits a phone and paper, whatever a device sent."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from espbench.boards.builtin import ESP32
from espbench.check.report.document import Document
from espbench.check.report.html import html
from espbench.check.result import Figure, Finding, Outcome, Result, Severity
from espbench.check.run import CheckRun
from espbench.check.server import Server
from espbench.check.target.firmware import Firmware
from espbench.reporting.html import template

pytest.importorskip("playwright", reason="Playwright is not installed: pip install playwright")

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
LONG = "x" * 300
"""A word that no line holds."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Return a browser's page with a report of long words."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install --no-install-recommends chromium")
    finding = Finding(f"It sent {LONG}.", Severity.SECURITY, LONG, (LONG,), (f"E a: {LONG}",))
    name = f"http.{'long_name_' * 8}"
    results = [
        Result(name, name, LONG, LONG, Outcome.FAILED, "", (finding, finding)),
        Result(
            "a.b", "a.b", "x", "", Outcome.OBSERVED, LONG, (), (Figure("a", "long " * 30, 1e12),)
        ),
    ]
    run = CheckRun(Firmware(ESP32, Path(LONG)), [Server(80, http=True, path=f"/{LONG}")], results)
    made = Document(run, ["espbench", "check", LONG], None, {"sha256": LONG, "application": LONG})
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html(made, path, template("check.html")))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        opened = browser.new_page()
        opened.goto(path.as_uri())
        yield opened
        browser.close()


@pytest.mark.parametrize("media", ["screen", "print"])
@pytest.mark.parametrize("width", [400, 820, 1400])
def test_nothing_is_cut_off(page: Page, width: int, media: str) -> None:
    """Nobody has to scroll to the right, at the width of a phone, of paper or of a screen."""
    page.emulate_media(media="print" if media == "print" else "screen")
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_what_a_screen_reader_finds(page: Page) -> None:
    """Headings have the severity, and the table stays a table where it is shown as a list."""
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 400, "height": 900})
    assert page.get_by_role("heading", name="security").count() == 1
    assert page.get_by_role("article").count() == 1
    assert page.get_by_role("cell", name="failed (security)").is_visible()
    link = page.get_by_role("link", name="1 security")
    link.click()
    assert page.evaluate("location.hash") == "#failure-1"
