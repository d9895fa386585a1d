# SPDX-License-Identifier: MIT
"""The page's WebREPL connection: login, refusals, and resets of the device."""

from __future__ import annotations

import pytest
from espbench.device.device import Device

from .actions import BOTH, PASSWORD, Visit, expect, log_in, screen, shows, type_line

# A browser rejects the certificate with an alert, and reconnects once the user accepts it. It drops
# connections when its pages close.
pytestmark = pytest.mark.failures("tls_alert", "handshake_closed", "peer_reset")


@BOTH
def test_log_in_and_run_a_line(scheme: str, visit: Visit) -> None:
    """Log in, run a line of Python, see its output; the password is stored nowhere."""
    page = visit(scheme)
    log_in(page)
    type_line(page, "print('h\\xe9llo', 6 * 7)")
    shows(page, ">>> print('h\\xe9llo', 6 * 7)", "héllo 42", ">>>")
    assert PASSWORD not in page.url.split("/", 3)[3]
    stored = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])"
    )
    assert stored == '[{},{},"",null]'
    assert page.locator("#password").input_value() == ""
    assert not any(PASSWORD in line for line in screen(page))


@BOTH
def test_a_wrong_password(scheme: str, visit: Visit) -> None:
    """It is reported, the field is cleared and focused, and then the right password works."""
    page = visit(scheme)
    page.get_by_label("WebREPL password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("Wrong password")
    expect(page.locator("#session")).to_have_text("Not logged in")
    expect(page.get_by_label("WebREPL password")).to_be_focused()
    expect(page.get_by_label("WebREPL password")).to_have_value("")
    log_in(page)
    expect(page.locator("#problem")).to_have_text("")


def test_a_second_session_is_refused(visit: Visit) -> None:
    """The second client sees why it is refused."""
    log_in(visit())
    page = visit()
    page.get_by_label("WebREPL password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("in use")


@BOTH
def test_a_reset_and_a_new_login(scheme: str, device: Device, visit: Visit) -> None:
    """After a reset the page says that the connection is lost, and a new login works."""
    page = visit(scheme)
    log_in(page)
    device.reset()
    expect(page.locator("#session")).to_have_text("Connection lost: log in again")
    expect(page.locator("#line")).to_have_text("")
    assert "--- connection lost ---" in screen(page)
    expect(page.get_by_label("WebREPL password")).to_be_focused()
    expect(page.locator("#state")).to_have_text("Online")
    log_in(page)
    type_line(page, "'again'")
    shows(page, "'again'", ">>>")


@BOTH
@pytest.mark.parametrize("how", ["hard", "soft"])
def test_a_reset_and_back_by_itself(scheme: str, how: str, device: Device, visit: Visit) -> None:
    """With "Log in again automatically", the page logs in as soon as the device answers."""
    page = visit(scheme)
    page.get_by_label("Log in again automatically").check()
    log_in(page)
    if how == "hard":
        type_line(page, "import machine; machine.reset()")
        shows(page, "--- connection lost ---", "WebREPL connected", ">>>")
    else:
        page.keyboard.press("Control+d")
        shows(page, "--- connection lost: soft reset ---", "WebREPL connected", ">>>")
    expect(page.locator("#session")).to_have_text("Logged in")
    type_line(page, "'again'")
    shows(page, "'again'", ">>>")


def test_a_device_that_does_not_answer(device: Device, visit: Visit) -> None:
    """The page says when the device stops answering, and notices when it is back."""
    page = visit()
    log_in(page)
    device.exec("import httpserver\nhttpserver.stop()")
    expect(page.locator("#state")).to_have_text("Not answering, trying again")
    expect(page.locator("#session")).to_have_text("Connection lost: log in again")
    device.exec(
        "httpserver.start(cert_file='/certs/servercert.pem', key_file='/certs/prvtkey.pem')"
    )
    expect(page.locator("#state")).to_have_text("Online")
