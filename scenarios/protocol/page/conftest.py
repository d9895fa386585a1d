# SPDX-License-Identifier: MIT
"""Fixtures: Chromium, and the device's page in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from espbench.device.device import Device
from espbench.util.timeouts import timeout_scale

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright, Request

    from .actions import Visit

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 15_000 * timeout_scale()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Return Playwright's driver."""
    # Without Playwright, the modules that request this were skipped when they were imported.
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        expect.set_options(timeout=WAIT_MS)
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Return a Chromium with an empty profile."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install --no-install-recommends chromium")
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def visit(bench: Device, browser: Browser) -> Iterator[Visit]:
    """Return a function that opens the device's page in a fresh browser context.

    After the scenario, check that no script failed and that no other host was contacted.
    """
    from playwright.sync_api import expect

    contexts = []
    errors: list[str] = []
    hosts: set[str] = set()

    def note(request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")):
            hosts.add(request.url.split("/")[2].split(":")[0])

    def open_page(scheme: str = "http", *, blocks: bool = False, **options: Any) -> Page:
        context = browser.new_context(ignore_https_errors=True, **options)
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        context.on("request", note)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        if not blocks:
            page.on("console", lambda m: errors.append(m.text) if "Content Sec" in m.text else None)
        page.goto(bench.url("/", scheme))
        expect(page.locator("#state")).to_have_text("Online")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
    assert hosts <= {"127.0.0.1"}
