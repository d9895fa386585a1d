# SPDX-License-Identifier: MIT
"""The page's status of the device: figures, polling, and no foreign resources."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from espbench.device.device import Device

from .actions import BOTH, Visit, expect, log_in, shows, type_line

if TYPE_CHECKING:
    from playwright.sync_api import Route

# A browser rejects the certificate with an alert, and reconnects once the user accepts it. It drops
# connections when its pages close.
pytestmark = pytest.mark.failures("tls_alert", "handshake_closed", "peer_reset")

OWN_PROGRAM = """
import httpserver, page
page.start("My device")
httpserver.on("/hello", lambda request: "hello\\n")
httpserver.start()
while True:
    httpserver.process_queue(100)
"""


@BOTH
def test_status(scheme: str, visit: Visit, shared_device: Device) -> None:
    """The page shows the figures, over both schemes."""
    page = visit(scheme)
    expect(page).to_have_title(f"espbench {shared_device.board.name}")
    expect(page.locator("#uptime")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
    expect(page.locator("#heap")).to_have_text(re.compile(r"^\d+\.\d\skB of \d+\.\d\skB$"))
    shown = re.split(r"\s", page.locator("#heap").inner_text())[3]
    noise = shared_device.board.heap_noise
    assert float(shown) * 1000 == pytest.approx(shared_device.heap().size, abs=noise + 50)
    expect(page.locator("#low")).to_have_text(re.compile(r"^\d+\.\d\skB$"))
    expect(page.locator("#http")).to_have_text(re.compile(r"^\d+ of 10$"))
    expect(page.locator("#https")).to_have_text(re.compile(r"^\d+ of 4$"))
    here = "in use here" if scheme == "https" else "not in use here"
    expect(page.locator("#tls")).to_have_text(f"on, {here}")
    expect(page.locator("#certificate")).to_have_text(
        re.compile(r"^ESP32 Device, until 20\d\d-\d\d-\d\d \(\d+ days\)$")
    )


@pytest.mark.device(files={"/main.py": OWN_PROGRAM}, ready="http")
def test_ones_own_program_without_tls(device: Device, visit: Visit) -> None:
    """`page.start()` in a user's own program: no TLS, no WebREPL, and the page says so."""
    page = visit()
    expect(page.locator("#name")).to_have_text("My device")
    expect(page.locator("#tls")).to_have_text("off, not in use here")
    expect(page.locator("#https")).to_have_text("off")
    expect(page.locator("#certificate")).to_have_text("none")
    page.get_by_label("WebREPL password").fill("x")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("The connection was lost")


def test_figures_of_other_days(visit: Visit) -> None:
    """An expired certificate is shown as such, and an uptime of days shows the days."""
    page = visit()

    def later(route: Route) -> None:
        status = route.fetch().json()
        status["uptime_ms"] = (2 * 86400 + 3 * 3600 + 4 * 60 + 5) * 1000
        status["https"]["certificate"] = {
            "name": "<b>old</b>",
            "not_after": "2020-02-03T04:05:06Z",
        }
        route.fulfill(json=status)

    page.route("**/status.json", later)
    expect(page.locator("#uptime")).to_have_text("2 d 03:04:05")
    expect(page.locator("#certificate")).to_have_text("<b>old</b>, expired on 2020-02-03")


def test_polling_rests_while_hidden(visit: Visit) -> None:
    """A hidden page does not poll, and catches up when it is visible again."""
    page = visit()
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    hide = (
        "(hidden) => { Object.defineProperty(document, 'hidden', "
        "{ configurable: true, value: hidden });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.evaluate(hide, True)
    page.wait_for_timeout(6_000)  # longer than from one poll to the next
    assert requested == []
    page.evaluate(hide, False)
    page.wait_for_timeout(500)
    assert len(requested) == 1


def test_a_busy_device_is_asked_once(visit: Visit, shared_device: Device) -> None:
    """While a program runs, only one request waits for it: no queue, no error."""
    page = visit()
    log_in(page)
    type_line(page, "import time; time.sleep(9)")
    expect(page.locator("#state")).to_have_text("Busy")
    assert shared_device.stats()["queue"]["depth"] <= 1
    shows(page, ">>>")
    expect(page.locator("#state")).to_have_text("Online")


def test_nothing_foreign_is_loaded(visit: Visit) -> None:
    """Injected content can load no image and contact no other host."""
    page = visit(blocks=True)
    page.evaluate(
        "window.seen = []; document.addEventListener('securitypolicyviolation',"
        " (event) => seen.push(event.effectiveDirective));"
    )
    page.evaluate("document.body.append(Object.assign(document.createElement('img'),"
                  " { src: '/status.json' }))")  # fmt: skip
    page.evaluate("fetch('http://127.0.0.2:9/').catch(() => {})")
    page.wait_for_function("seen.length === 2")
    assert page.evaluate("seen.sort().join()") == "connect-src,img-src"
