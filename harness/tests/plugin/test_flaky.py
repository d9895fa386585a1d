# SPDX-License-Identifier: MIT
"""A test that passes only when it is repeated, as by pytest-rerunfailures, is reported as that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

RERUNS = """
from _pytest.runner import runtestprotocol

# As pytest-rerunfailures does it, which espbench does not depend on.
def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for attempt in (1, 2):
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            again = report.failed and attempt == 1
            if again:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
            if again:
                item._initrequest()
                break
        else:
            break
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True

def pytest_report_teststatus(report):
    if report.outcome == "rerun":
        return "rerun", "R", ("RERUN", {"yellow": True})
"""
TESTS = """
SEEN = []
def test_once(device):
    SEEN.append(1)
    assert len(SEEN) > 1, "not yet"
def test_never(device):
    assert 0, "broken"
"""


def test_flaky(inner: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    """Terminal and report name it, why it failed before, and the evidence of that attempt."""
    (tmp_path / "conftest.py").write_text(RERUNS)
    status, output = inner(TESTS, "--espbench-ready-console=^ready", "--espbench-report=it.html")
    assert status == 1
    assert "1 failed, 1 passed, 2 rerun" in output
    flaky = output.partition("espbench: what passed only when it was repeated")[2]
    said = flaky.partition("\n=")[0].splitlines()[1:]
    assert said[0] == "test_inner.py::test_once: AssertionError: not yet"
    assert said[-1] == "    evidence: evidence/test_inner-test_once"
    assert not [line for line in said if "test_never" in line]
    page = (tmp_path / "it.html").read_text()
    section = page.partition("<h2>Passed only when repeated</h2>")[2].partition("</section>")[0]
    assert "test_once" in section
    assert "not yet" in section
    assert 'href="evidence/test_inner-test_once"' in section
    assert "test_never" not in section
