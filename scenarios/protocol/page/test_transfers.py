# SPDX-License-Identifier: MIT
"""Files that the page uploads to the device and downloads from it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from espbench.device.device import Device

from .actions import BOTH, Visit, expect, log_in, shows, type_line

if TYPE_CHECKING:
    from playwright.sync_api import Page

# A browser rejects the certificate with an alert, and reconnects once the user accepts it. It drops
# connections when its pages close.
pytestmark = pytest.mark.failures("tls_alert", "handshake_closed", "peer_reset")


@BOTH
@pytest.mark.parametrize("size", [0, 1, 5_000, 100_000])
def test_upload_and_download(scheme: str, size: int, visit: Visit, shared_device: Device) -> None:
    """A file comes back from upload and download byte for byte."""
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
    """The page reports a transfer that the device refuses, and the next transfer works."""
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
