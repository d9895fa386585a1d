# SPDX-License-Identifier: MIT
"""Reasons for skipped tests are shown, each once."""

from __future__ import annotations

from pathlib import Path

import idf_examples
import pytest
from espbench.errors import ToolMissing
from espbench.reporting.parity.load import cases_of_junit
from espbench.reporting.skips import LONGEST, short, skip_lines
from fake_idf import fake_idf
from inner_pytest import inner_pytest


def test_by_reason() -> None:
    """Each reason is shown once, the most frequent first, with the number of tests."""
    skips = [
        ("scenarios/test_page.py", "no Chromium"),
        *((f"scenarios/test_{name}.py::test_x", "needs board lx60") for name in "abcde"),
        ("scenarios/test_a.py::test_y", "needs board lx60"),
        ("test_x.py::T::y", ""),
    ]
    assert skip_lines(skips, "scenario") == [
        "6 scenarios (a, b, c and 2 more) were skipped: needs board lx60",
        "1 scenario (page) was skipped: no Chromium",
        "1 scenario (x) was skipped: no reason was given",
    ]
    assert skip_lines([], "scenario") == []


def test_short() -> None:
    """A long reason loses its remedy, but not its cause; a short one keeps both."""
    assert (
        short("No Chromium: apt-get install chromium.") == "No Chromium: apt-get install chromium"
    )
    assert short(f"No QEMU: install it with {'x' * 200}: or not") == "No QEMU"
    assert short("first line\nsecond line") == "first line"
    cut = short("word " * 100)
    assert len(cut) <= LONGEST
    assert cut.endswith("word …")


def test_reasons_in_junit(tmp_path: Path) -> None:
    """JUnit XML has the reasons of a file that skips itself, and of a marked one."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_itself.py").write_text(
        "import pytest\npytest.importorskip('no_such', reason=\"pip install 'x[y]'\")\n"
    )
    (tmp_path / "test_marked.py").write_text(
        "import pytest\npytestmark = pytest.mark.skip(reason='no <it>')\ndef test_a(): pass\n"
    )
    inner_pytest(tmp_path, "-p", "no:pytest_embedded", "--junitxml=x.xml", status=0)
    cases = cases_of_junit((tmp_path / "x.xml").read_text())
    assert skip_lines([(name, seen.message) for name, seen in cases.items()], "test") == [
        "1 test (itself) was skipped: pip install 'x[y]'",
        "1 test (marked) was skipped: no <it>",
    ]


TESTS = """
import pytest

@pytest.mark.boards("esp32")
@pytest.mark.parametrize("number", range(3))
def test_of_another_board(number): pass

@pytest.mark.skip(reason="of the project")
def test_skipped(): pass

def test_fine(board): pass
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_the_last_lines_of_pytest(tmp_path: Path, workers: tuple[str, ...]) -> None:
    """Skips by the plugin are explained once, unless -r selects what pytest reports."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_inner.py").write_text(TESTS)
    options = ("-p", "no:pytest_embedded", *workers)
    said = inner_pytest(tmp_path, *options)
    assert "espbench: what was skipped" in said
    assert "\n3 tests (inner) were skipped: needs board esp32\n" in said
    assert "of the project" not in said
    for chosen in ("-rs", "-rfE", "-rx"):
        explained = "espbench: what was skipped" in inner_pytest(tmp_path, *options, chosen)
        assert explained == (chosen == "-rfE")


def test_idf_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Missing requirements of the tests of ESP-IDF's examples are reported with a remedy."""
    how = "docs/how-to/pytest-embedded.md says how to build them"
    monkeypatch.delenv("ESPBENCH_IDF_EXAMPLES", raising=False)
    monkeypatch.setenv("IDF_PATH", str(tmp_path / "none"))

    def missing(_board: object) -> str:
        raise ToolMissing("No QEMU here.")

    monkeypatch.setattr(idf_examples, "find_qemu", missing)
    assert idf_examples.absence() == "No QEMU here."
    monkeypatch.setattr(idf_examples, "find_qemu", lambda _board: "/qemu")
    assert idf_examples.absence() == (
        f"ESP-IDF, whose examples these need, was not found: point IDF_PATH at it ({how})."
    )
    idf = fake_idf(tmp_path)
    monkeypatch.setenv("IDF_PATH", str(idf))
    built = idf / "examples/protocols/https_server/simple/build_esp32_default"
    assert idf_examples.absence() == (
        f"ESP-IDF's example https_server is not built ({built} is not there): {how}, and "
        "ESPBENCH_IDF_EXAMPLES names the folder that has them."
    )
    monkeypatch.setenv("ESPBENCH_IDF_EXAMPLES", str(tmp_path))
    for name in idf_examples.EXAMPLES:
        (tmp_path / name / "build_esp32_default").mkdir(parents=True)
        (tmp_path / name / "build_esp32_default" / "flasher_args.json").touch()
    assert idf_examples.absence() == ""
    assert idf_examples.idf() == idf
