# SPDX-License-Identifier: MIT
"""`pytest --espbench-report`: the HTML report of a session in an empty project."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import foreign
import pytest
from inner_pytest import inner_pytest

TESTS = """
def test_it_is_up(device):
    assert "server up" in device.console.text
def test_it_serves(device):
    device.console.expect("HTTP/1.1 200", timeout=0.1)
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_foreign_firmware_in_an_empty_project(tmp_path: Path, workers: str) -> None:
    """The report has the suites, the failure with its evidence, a boot and the versions."""
    firmware = foreign.build(tmp_path / "firmware.elf")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_own.py").write_text(TESTS)
    said = inner_pytest(
        tmp_path,
        *(
            "--espbench",
            f"--espbench-firmware={firmware}",
            f"--espbench-ready-console={foreign.READY}",
        ),
        *("--espbench-report=out/report.html", "--junitxml=out/suites.xml", "-n", workers),
        status=1,
    )
    page = tmp_path / "out" / "report.html"
    assert f"espbench: report {page}\n" in said
    text = page.read_text()
    assert "<title>espbench: failed on lx60</title>" in text
    assert re.search(r'<b class="good">3</b><span>scenarios passed', text)
    assert "<td>own</td>" in text
    assert "<td>smoke</td>" in text
    assert '<a href="../evidence/test_own-test_it_serves/console.txt">console.txt</a>' in text
    assert "console: server up" in text
    assert "QEMU executed" in text  # of a boot
    assert f"<dd>{firmware}</dd>" in text
    assert "compiler" not in text  # espbench's build did not make it
    assert "://" not in re.sub(r"<pre>.*?</pre>", "", text, flags=re.S).replace(
        "http://www.w3.org", ""
    )
    suites = ET.parse(tmp_path / "out" / "suites.xml")
    assert not [p for p in suites.iter("property") if p.get("name") == "boot"]


def test_page_of_a_session_that_passes(inner: Callable[..., tuple[int, str]]) -> None:
    """Without the option no report is written, and the exit status is pytest's in any case."""
    status, output = inner("def test_it(device): pass", "--espbench-ready-console=^ready")
    assert (status, "espbench: report" in output) == (0, False)
    status, output = inner(
        "def test_it(device): pass",
        "--espbench-ready-console=^ready",
        "--espbench-report=page.html",
    )
    assert status == 0
    assert "espbench: report" in output


def test_page_of_a_session_that_was_interrupted(
    inner: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """An interrupted session counts as failed, and the report says how pytest ended."""
    source = "def test_it(device): raise KeyboardInterrupt\ndef test_later(device): pass"
    status, _ = inner(source, "--espbench-ready-console=^ready", "--espbench-report=page.html")
    assert status == 2
    text = (tmp_path / "page.html").read_text()
    assert "<title>espbench: failed on lx60</title>" in text
    assert "pytest ended with status 2: see its output." in text
    assert "It did not run to its end." in text


def test_page_in_the_way(inner: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    """A report that cannot be written gives a clear error and a non-zero status."""
    (tmp_path / "page.html").mkdir()
    status, output = inner(
        "def test_it(device): pass",
        "--espbench-ready-console=^ready",
        "--espbench-report=page.html",
    )
    assert status == 1
    assert (
        f"espbench: The report {tmp_path}/page.html cannot be written (Is a directory): choose "
        "another path with --espbench-report.\n"
    ) in output
    assert "Traceback" not in output
