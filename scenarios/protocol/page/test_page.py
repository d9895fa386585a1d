# SPDX-License-Identifier: MIT
"""The device's own page, in headless Chromium, over http and https."""

from __future__ import annotations

import base64
import gzip
import hashlib
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from espbench.boards.board import Board
from espbench.clients import Doors
from espbench.device.device import Device
from espbench.firmware import source_tree
from espbench.util.timeouts import timeout_scale

pytest.importorskip(
    "playwright", reason="Playwright is not installed: pip install 'espbench[browser]'"
)
from playwright.sync_api import Browser, Page, Playwright, Request, Route, expect, sync_playwright

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
LIMIT = 16 * 1024
PASSWORD = "espbench"
OWN_PROGRAM = """
import httpserver, page
page.start("My device")
httpserver.on("/hello", lambda request: "hello\\n")
httpserver.start()
while True:
    httpserver.process_queue(100)
"""
PHONE: dict[str, Any] = {
    "viewport": {"width": 320, "height": 640},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
WAIT_MS = 15_000 * timeout_scale()

BOTH = pytest.mark.parametrize("scheme", ["http", "https"])
# A browser tries the certificate, alerts, and comes again once the warning is accepted; it drops
# connections when its pages close.
pytestmark = pytest.mark.failures("tls_alert", "handshake_closed", "peer_reset")

Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Return Playwright's driver."""
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
    """Return a function that opens the device's page in a fresh profile.

    Behind the scenario: no script failed, and nothing was asked for from anywhere else.
    """
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
    """Return the terminal's lines, the one that is typed into last."""
    lines: list[str] = page.evaluate(
        "[...document.querySelectorAll('#out > div'), document.querySelector('#line')]"
        ".map((line) => line.textContent.trimEnd())"
    )
    return lines


def shows(page: Page, *lines: str) -> None:
    """Wait until these lines are the terminal's last."""
    page.wait_for_function(
        "(wanted) => [...document.querySelectorAll('#out > div'),"
        " document.querySelector('#line')].map((line) => line.textContent.trimEnd())"
        ".slice(-wanted.length).join('\\n') === wanted.join('\\n')",
        arg=list(lines),
    )


# -------------------------------------------------------------------- the file


def test_it_is_one_small_file(doors: Doors) -> None:
    """One gzipped answer of at most 16 kB, with nothing in it that loads another."""
    answer = doors.http.request("GET", "/", headers={"Accept-Encoding": "gzip"})
    assert answer.status == 200
    assert answer.header("content-type") == "text/html; charset=utf-8"
    assert answer.header("content-encoding") == "gzip"
    assert len(answer.body) <= LIMIT
    html = gzip.decompress(answer.body).decode()
    assert not re.search(
        r"https?://|//[a-z]|@import|url\(|\bsrc=|<link(?! rel=\"icon\" href=\"data:,\")", html
    )
    again = doors.http.request(
        "GET",
        "/",
        headers={"Accept-Encoding": "gzip", "If-None-Match": answer.header("etag") or ""},
    )
    assert (again.status, again.body) == (304, b"")


def test_the_policy_allows_its_own_script_only(doors: Doors) -> None:
    """The policy names the hashes of the one script and the one style, and forbids the rest."""
    answer = doors.http.request("GET", "/", headers={"Accept-Encoding": "gzip"})
    html = gzip.decompress(answer.body).decode()
    policy = dict(
        part.strip().split(" ", 1)
        for part in (answer.header("content-security-policy") or "").split(";")
    )
    for name in ("script", "style"):
        [content] = re.findall(rf"<{name}>(.*?)</{name}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[f"{name}-src"] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "style=" not in html
    assert not re.search(r"\bon[a-z]+=\"", html)


def test_what_is_no_browser_gets_text(doors: Doors, board: Board) -> None:
    """Who cannot take gzip gets one line."""
    answer = doors.http.get("/")
    assert (answer.status, answer.text) == (200, f"espbench {board.name}\n")
    assert answer.header("vary") == "Accept-Encoding"


def test_the_build_is_reproducible(tmp_path: Path, doors: Doors) -> None:
    """The same sources give the same bytes, and they are what the device serves."""
    build = source_tree.root() / "firmware" / "page" / "build.py"
    outputs = [tmp_path / name for name in ("a.py", "b.py")]
    for output in outputs:
        subprocess.run([sys.executable, build, output], check=True)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    made: dict[str, Any] = {}
    exec(outputs[0].read_text(), made)
    answer = doors.http.request("GET", "/", headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(answer.body) == gzip.decompress(made["PAGE"])


def test_the_figures(doors: Doors, shared_device: Device) -> None:
    """status.json has what the page shows, and it is what the device says elsewhere."""
    with doors.http.http() as http:
        status = http.get("/status.json").json()
        heap = shared_device.heap()
    assert status["name"] == f"espbench {shared_device.board.name}"
    assert abs(status["heap"]["size"] - heap.size) <= shared_device.board.heap_noise
    assert abs(status["heap"]["free"] - heap.free) < 8192
    assert 0 < status["heap"]["low_water"] <= status["heap"]["free"]
    assert 0 < status["python"]["free"] < status["python"]["size"]
    assert status["http"] == {"port": 80, "max": 10, "open": 1}
    assert (status["https"]["port"], status["https"]["max"]) == (443, 4)
    assert status["https"]["certificate"]["name"] == "ESP32 Device"
    assert re.fullmatch(
        r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", status["https"]["certificate"]["not_after"]
    )
    assert 0 < status["uptime_ms"] < 3_600_000


# -------------------------------------------------------------------- in the browser


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
    """`page.start()` in a program of one's own: no TLS, no WebREPL, and the page says so."""
    page = visit()
    expect(page.locator("#name")).to_have_text("My device")
    expect(page.locator("#tls")).to_have_text("off, not in use here")
    expect(page.locator("#https")).to_have_text("off")
    expect(page.locator("#certificate")).to_have_text("none")
    page.get_by_label("WebREPL password").fill("x")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("The connection was lost")


def test_figures_of_other_days(visit: Visit) -> None:
    """A certificate that has run out is said to have, an uptime of days has its days."""
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


@BOTH
def test_log_in_and_run_a_line(scheme: str, visit: Visit) -> None:
    """The password, then a line of Python, then what it says; the password is nowhere else."""
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
    """It is said, the field is empty and has the focus, and the right one works then."""
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
    """Who comes second is told why."""
    log_in(visit())
    page = visit()
    page.get_by_label("WebREPL password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("in use")


@BOTH
@pytest.mark.parametrize("size", [0, 1, 5_000, 100_000])
def test_upload_and_download(scheme: str, size: int, visit: Visit, shared_device: Device) -> None:
    """A file goes up and comes down again, byte for byte."""
    data = random.Random(size).randbytes(size)
    page = visit(scheme)
    log_in(page)
    page.get_by_label("Files to upload").set_input_files(
        {"name": "page ü.bin", "mimeType": "application/octet-stream", "buffer": data}
    )
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#transfer")).to_have_text(f"Uploaded /page ü.bin, {size} bytes")
    assert shared_device.eval("__import__('os').stat('/page ü.bin')[6]") == size
    page.get_by_label("File on the device").fill("/page ü.bin")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "page ü.bin"
    assert Path(download.value.path()).read_bytes() == data
    expect(page.locator("#transfer")).to_have_text(f"Downloaded /page ü.bin, {size} bytes")
    shared_device.exec("__import__('os').remove('/page ü.bin')")


def test_transfers_that_fail(visit: Visit) -> None:
    """What the device refuses is said, and the next transfer works."""
    page = visit()
    log_in(page)
    page.get_by_label("File on the device").fill("/nothing.txt")
    page.get_by_role("button", name="Download").click()
    expect(page.locator("#transfer")).to_have_text("The device cannot read /nothing.txt")
    page.get_by_label("File on the device").fill("/" + "x" * 64)
    page.get_by_role("button", name="Download").click()
    expect(page.locator("#transfer")).to_have_text("The path is longer than 64 bytes")
    file: Any = {"name": "x.txt", "mimeType": "text/plain", "buffer": b"x"}
    page.get_by_label("Files to upload").set_input_files(file)
    page.get_by_label("Folder on the device").fill("/no/such/folder")
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#transfer")).to_contain_text("The device c")
    type_line_after(page, "1 + 1", "2")


def type_line_after(page: Page, line: str, answer: str) -> None:
    """Go back to the terminal and run a line."""
    page.get_by_label("Terminal input").focus()
    type_line(page, line)
    shows(page, answer, ">>>")


# -------------------------------------------------------------------- resets


@BOTH
def test_a_reset_and_a_new_login(scheme: str, device: Device, visit: Visit) -> None:
    """After a reset the page says that the connection is lost, and one can log in again."""
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
    """Who has asked for it is logged in again as soon as the device answers."""
    page = visit(scheme)
    page.get_by_label("Log in again by itself").check()
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
    """A device that is gone is said to be, and seen when it is back."""
    page = visit()
    log_in(page)
    device.exec("import httpserver\nhttpserver.stop()")
    expect(page.locator("#state")).to_have_text("Not answering, trying again")
    expect(page.locator("#session")).to_have_text("Connection lost: log in again")
    device.exec(
        "httpserver.start(cert_file='/certs/servercert.pem', key_file='/certs/prvtkey.pem')"
    )
    expect(page.locator("#state")).to_have_text("Online")


# -------------------------------------------------------------------- terminal


def test_keys_of_the_repl(visit: Visit) -> None:
    """History, editing, completion: the device's, by the keys that people know."""
    page = visit()
    log_in(page)
    type_line(page, "abc = 12")
    shows(page, ">>> abc = 12", ">>>")
    type_line(page, "ab")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    shows(page, ">>> abc = 12")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Backspace")
    page.keyboard.type("7")
    shows(page, ">>> abc = 72")
    page.keyboard.press("Home")
    page.keyboard.press("Delete")
    page.keyboard.type("x")
    page.keyboard.press("End")
    page.keyboard.type("00")
    page.keyboard.press("Enter")
    shows(page, ">>> xbc = 7200", ">>>")
    page.keyboard.type("xb")
    page.keyboard.press("Tab")
    shows(page, ">>> xbc")
    page.keyboard.press("Enter")
    shows(page, "7200", ">>>")


def test_control_keys(visit: Visit) -> None:
    """Ctrl-C ends a loop, Ctrl-A and Ctrl-B change to the raw REPL and back, by key and button."""
    page = visit()
    log_in(page)
    type_line(page, "while True: pass")
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    page.keyboard.press("Control+c")
    shows(page, "KeyboardInterrupt:", ">>>")
    page.keyboard.press("Control+a")
    shows(page, "raw REPL; CTRL-B to exit", ">")
    page.keyboard.press("Control+b")
    shows(page, ">>>")
    page.get_by_role("button", name="Ctrl-A").click()
    shows(page, "raw REPL; CTRL-B to exit", ">")
    page.get_by_role("button", name="Ctrl-B").click()
    shows(page, ">>>")
    page.get_by_role("button", name="Line before").click()
    expect(page.locator("#line")).to_contain_text("while True")


def test_pasting(visit: Visit) -> None:
    """Several lines keep their indentation; one line waits for Enter; no control codes."""
    page = visit()
    log_in(page)

    def paste(text: str) -> None:
        page.evaluate(
            "(text) => { const data = new DataTransfer(); data.setData('text/plain', text);"
            " document.querySelector('#keys').dispatchEvent(new ClipboardEvent('paste',"
            " { clipboardData: data, bubbles: true, cancelable: true })); }",
            text,
        )

    paste("for i in range(2):\n    if i:\n        print('odd', i)\r\n    print(i)\n")
    shows(page, "0", "odd 1", "1", ">>>")
    paste("1 + 2\x03")
    shows(page, ">>> 1 + 2")
    page.keyboard.press("Enter")
    shows(page, "3", ">>>")


@pytest.mark.parametrize(
    ("printed", "line"),
    [
        (r"abc\rX", "Xbc"),
        (r"abc\b\bX", "aXc"),
        (r"abc\x1b[2DX", "aXc"),
        (r"abc\x1b[2D\x1b[K", "a"),
        (r"abc\x1b[2K", ""),
        (r"abcd\x1b[2D\x1b[1KX", "  Xd"),
        (r"\x1b[4CX", "    X"),
        (r"abc\x1b[1GX", "Xbc"),
        (r"a\tb", "a       b"),
        (r"\x1b[1;31mred\x1b[0m", "red"),
        (r"a\x07\x00b", "ab"),
        (r"<b>&amp;</b>", "<b>&amp;</b>"),
        (r"\u4f60\U0001f600", "你😀"),
        (r"a\x1b]0;title\x07", "a0;title"),
    ],
)
def test_what_the_terminal_understands(printed: str, line: str, visit: Visit) -> None:
    """The few sequences that a REPL and its programs use; markup is text."""
    page = visit()
    log_in(page)
    type_line(page, f"print('{printed}')")
    shows(page, f">>> print('{printed}')", line, ">>>")


def test_much_output(visit: Visit) -> None:
    """Three thousand lines arrive, the last thousand stay, and the end is in view."""
    page = visit()
    log_in(page)
    type_line(page, "for i in range(3000): print('line', i)")
    page.keyboard.press("Enter")
    shows(page, "line 2999", ">>>")
    assert len(screen(page)) == 1001
    assert (
        page.evaluate(
            "(() => { const s = document.querySelector('#screen');"
            " return s.scrollHeight - s.scrollTop - s.clientHeight; })()"
        )
        < 5
    )


# -------------------------------------------------------------------- people


def test_by_keyboard_only(visit: Visit) -> None:
    """Everything can be reached, used and left with the keyboard; focus goes in reading order."""
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
    assert page.get_by_label("Log in again by itself").is_checked()
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
    """Each field and button has a label, live regions have roles, headings do not skip."""
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
    """320 pixels wide: nothing scrolls sideways, buttons fit a thumb, and a line can be run."""
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
    page.get_by_role("button", name="Line before").tap()
    expect(page.locator("#line")).to_contain_text("'x' * 200")
    sizes = page.evaluate(
        "[...document.querySelectorAll('input:not([type=checkbox]), textarea')]"
        ".map((e) => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 16, "iOS zooms in on smaller ones"


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
"""Contrast of texts with what is behind them (WCAG 2.2, relative luminance)."""


@pytest.mark.parametrize("colors", ["light", "dark"])
def test_light_and_dark(colors: str, visit: Visit) -> None:
    """The system's choice is followed, and every text has the contrast of WCAG AA."""
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


# -------------------------------------------------------------------- manners


def test_polling_rests_while_hidden(visit: Visit) -> None:
    """A page that nobody sees asks for nothing, and catches up when it is seen."""
    page = visit()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    hide = (
        "(hidden) => { Object.defineProperty(document, 'hidden', "
        "{ configurable: true, value: hidden });"
        " document.dispatchEvent(new Event('visibilitychange')); }"
    )
    page.evaluate(hide, True)
    page.wait_for_timeout(6_000)  # longer than from one poll to the next
    assert asked == []
    page.evaluate(hide, False)
    page.wait_for_timeout(500)
    assert len(asked) == 1


def test_a_busy_device_is_asked_once(visit: Visit, shared_device: Device) -> None:
    """While a program runs, one request waits for it: no queue, no error."""
    page = visit()
    log_in(page)
    type_line(page, "import time; time.sleep(9)")
    expect(page.locator("#state")).to_have_text("Busy")
    assert shared_device.stats()["queue"]["depth"] <= 1
    shows(page, ">>>")
    expect(page.locator("#state")).to_have_text("Online")


def test_nothing_foreign_is_loaded(visit: Visit) -> None:
    """What gets into the page loads no picture, and talks to nobody else."""
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
