# SPDX-License-Identifier: MIT
"""The page's terminal: keys, pasting, escape sequences, long output."""

from __future__ import annotations

import pytest

from .actions import Visit, expect, log_in, screen, shows, type_line

# A browser rejects the certificate with an alert, and reconnects once the user accepts it. It drops
# connections when its pages close.
pytestmark = pytest.mark.failures("tls_alert", "handshake_closed", "peer_reset")


def test_keys_of_the_repl(visit: Visit) -> None:
    """History, editing and completion work with the usual keys; the device provides them."""
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
    """Ctrl-C ends a loop, Ctrl-A and Ctrl-B enter and leave the raw REPL, by key and button."""
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
    page.get_by_role("button", name="Previous line").click()
    expect(page.locator("#line")).to_contain_text("while True")


def test_pasting(visit: Visit) -> None:
    """Pasted lines keep their indentation; one line waits for Enter; control codes are dropped."""
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
    """The few escape sequences that a REPL and its programs use work; markup is shown as text."""
    page = visit()
    log_in(page)
    type_line(page, f"print('{printed}')")
    shows(page, f">>> print('{printed}')", line, ">>>")


def test_much_output(visit: Visit) -> None:
    """Three thousand lines arrive, the last thousand are kept, and the end is in view."""
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
