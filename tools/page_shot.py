# SPDX-License-Identifier: MIT
"""Take a screenshot of the device's page, served by a device in QEMU, in a real browser.

    python tools/page_shot.py docs/images/page.png
    python tools/page_shot.py --dark --phone /tmp/page.png

Needs the tree's virtual environment, and Chromium.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from espbench.boards.builtin import BOARDS
from espbench.certs import recipes
from espbench.device.device import Device
from espbench.errors import EspbenchError
from espbench.firmware.build import firmware
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
WIDE = ViewportSize(width=820, height=600)
NARROW = ViewportSize(width=360, height=640)
PASSWORD = "espbench"
LINES = (
    "import gc, os",
    "os.uname().machine",
    "[n * n for n in range(12)]",
    "print('heap:', gc.mem_free(), 'bytes free')",
)
PROMPT = re.compile(r"^>>>\s*$")
FILE = b"print('hello')\n"


def use(page: Page) -> None:
    """Log in, run some lines and upload a file."""
    page.get_by_label("WebREPL password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    for line in LINES:
        expect(page.locator("#line")).to_have_text(PROMPT)
        page.keyboard.type(line)
        page.keyboard.press("Enter")
    expect(page.locator("#out")).to_contain_text("bytes free")
    page.get_by_label("Files to upload").set_input_files(
        {"name": "hello.py", "mimeType": "text/x-python", "buffer": FILE}
    )
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#transfer")).to_contain_text("Uploaded")


def shoot(device: Device, output: Path, *, dark: bool, phone: bool) -> None:
    """Open the device's page over https, use it, and save the screenshot."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        context = browser.new_context(
            ignore_https_errors=True,
            color_scheme="dark" if dark else "light",
            viewport=NARROW if phone else WIDE,
        )
        page = context.new_page()
        page.goto(device.https("/"))
        expect(page.locator("#state")).to_have_text("Online")
        use(page)
        page.screenshot(path=output, full_page=True)
        browser.close()


def main(arguments: Sequence[str]) -> int:
    """Boot a device and take the screenshot; return an exit status."""
    parser = argparse.ArgumentParser(description="Take a screenshot of an emulated device's page.")
    parser.add_argument("output", type=Path, help="the PNG to write")
    parser.add_argument(
        "--firmware", type=Path, help="firmware to use instead of the tree's, which is built first"
    )
    parser.add_argument("--dark", action="store_true", help="use the dark colour scheme")
    parser.add_argument("--phone", action="store_true", help="use a viewport 360 pixels wide")
    options = parser.parse_args(arguments)
    if shutil.which("chromium") is None:
        print(
            "page_shot: Chromium is not installed: "
            "apt-get install --no-install-recommends chromium",
            file=sys.stderr,
        )
        return 1
    board = BOARDS["lx60"]
    certificate = recipes()["p256"].device_files
    files = {f"/certs/{name}": data for name, data in certificate.items()}
    try:
        with Device(board, options.firmware or firmware(board), files=files) as device:
            shoot(device, options.output, dark=options.dark, phone=options.phone)
    except EspbenchError as error:
        print(f"page_shot: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
