"""The last lines of `make test` name the files of tests that were skipped from end to end."""

from __future__ import annotations

from pathlib import Path

import idf_examples
import pytest
from espbench.errors import ToolMissing
from espbench.parity.known import Seen
from espbench.parity.sides import cases_of_junit
from fake_idf import fake_idf
from inner_pytest import inner_pytest
from left_out import left_out


def test_by_reason() -> None:
    """Files with one reason share a line; a file of which something ran is not named."""
    why, other = Seen("skipped", "no ESP-IDF"), Seen("skipped", "no Chromium")
    assert left_out(
        {
            "a/test_a.py::x": why,
            "a/test_a.py::T::y": why,
            "a/test_b.py": why,
            "a/test_c.py::x": why,
            "a/test_c.py::y": Seen("passed"),
            "a/test_d.py::x": other,
            "a/test_d.py::y": why,
        }
    ) == [
        "a/test_a.py, a/test_b.py left out: no ESP-IDF",
        "a/test_d.py left out: no Chromium; no ESP-IDF",
    ]
    assert left_out({}) == []


def test_what_pytest_writes(tmp_path: Path) -> None:
    """Real results have the reasons of a file that skips itself, and of one that is marked."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_itself.py").write_text(
        "import pytest\npytest.importorskip('no_such', reason=\"pip install 'x[y]'\")\n"
    )
    (tmp_path / "test_marked.py").write_text(
        "import pytest\npytestmark = pytest.mark.skip(reason='no <it>')\ndef test_a(): pass\n"
    )
    (tmp_path / "test_fine.py").write_text("def test_a(): pass\n")
    inner_pytest(tmp_path, "-p", "no:pytest_embedded", "--junitxml=x.xml")
    assert left_out(cases_of_junit((tmp_path / "x.xml").read_text())) == [
        "test_itself.py left out: pip install 'x[y]'",
        "test_marked.py left out: no <it>",
    ]


def test_idf_examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the tests of ESP-IDF's own examples lack is said with the way to get it."""
    how = "docs/pytest-embedded.md says how to build them"
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
