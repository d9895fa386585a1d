# SPDX-License-Identifier: MIT
"""docs/reference/board-results.md: made of what was counted in JUnit XML, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import board_results
import pytest

JUNIT = """<testsuites><testsuite name="pytest" timestamp="2026-11-30T18:44:05+00:00"><properties>
<property name="board" value="esp32s3"/><property name="QEMU" value="9.2.2"/>
<property name="ESP-IDF" value="v5.4.1"/><property name="MicroPython" value="v1.25.0"/>
<property name="host" value="Debian GNU/Linux 12 x86_64"/>
<property name="espbench commit" value="{commit}"/></properties>
<testcase classname="scenarios.test_smoke" name="test_boots"/>
<testcase classname="scenarios.test_smoke" name="test_serves[http]">
<failure message="AssertionError: no answer">long</failure></testcase>
<testcase classname="scenarios.crash.test_panic" name="test_it">
<skipped type="pytest.skip" message="needs board lx60">where</skipped></testcase>
<testcase classname="harness.tests.boards.test_x" name="test_own"/>
</testsuite></testsuites>
"""
COLLECTED = [
    "scenarios/test_smoke.py::test_boots",
    "scenarios/test_smoke.py::test_serves[http]",
    "scenarios/test_smoke.py::test_serves[https]",
    "scenarios/crash/test_panic.py::test_it",
    "scenarios/network/test_address.py::test_one",
    "scenarios/network/test_address.py::test_two",
]
FAILURE = "test_smoke.py::test_serves"
HERE = {
    "board": "esp32s3",
    "QEMU": "9.2.2",
    "ESP-IDF": "v5.4.1",
    "MicroPython": "v1.25.0",
    "host": "Debian GNU/Linux 12 x86_64",
}


def sample(commit: str = "1234567890") -> list[dict[str, object]]:
    """Return the data of one file."""
    found = board_results.taken(JUNIT.format(commit=commit), COLLECTED)
    return board_results.merged([], *found, COLLECTED)


def test_the_page_is_what_was_counted() -> None:
    """The page is made of the data, and says of each failure that it lists what it is."""
    data = json.loads(board_results.DATA.read_text(encoding="utf-8"))
    text = board_results.PAGE.read_text(encoding="utf-8")
    assert text == board_results.page(data, board_results.WHY)
    suites = [suite for it in data for suite in it["suites"].values()]
    failures = {name.partition("[")[0] for suite in suites for name in suite.get("failures", ())}
    assert failures == set(board_results.WHY)


def test_outcomes_are_counted() -> None:
    """Each suite has its four numbers; what did not run is not among those that passed."""
    (entry,) = sample()
    assert entry["environment"] == HERE
    rows = board_results.page(sample(), {FAILURE: "A known fault."}).splitlines()
    assert "| `smoke` | 1 | 1 | 0 | 1 | 2026-11-30 | `1234567890` |" in rows
    assert "| `crash/panic` | 0 | 0 | 1 | 0 | 2026-11-30 | `1234567890` |" in rows
    assert "Suites that were not run, with 2 scenarios: `network/address`." in rows
    assert (
        "| esp32s3 | 9.2.2 | v5.4.1 | v1.25.0 | Debian GNU/Linux 12 x86_64 | 2 of 3 | 1 | 1 | 1 "
        "| 3 | 2026-11-30 |"
    ) in rows
    assert f"- 1 of `{FAILURE}`: A known fault." in rows
    assert "- 1: needs board lx60" in rows


def test_a_failure_needs_a_reason() -> None:
    """A failure that nothing explains is not written down."""
    with pytest.raises(KeyError, match="test_serves"):
        board_results.page(sample(), {})


def test_a_later_run_replaces_an_earlier_one() -> None:
    """Suites of the later run are replaced, others stay, and other environments too."""
    smoke = JUNIT.format(commit="later").replace(
        "scenarios.crash.test_panic", "harness.tests.test_x"
    )
    other = [{"environment": {**HERE, "QEMU": "9.0.0"}, "suites": {}}]
    found = board_results.taken(smoke, COLLECTED)
    data = board_results.merged([*other, *sample()], *found, COLLECTED)
    assert [each["environment"]["QEMU"] for each in data] == ["9.0.0", "9.2.2"]
    commits = {name: it.get("commit") for name, it in data[1]["suites"].items()}
    assert commits == {"crash/panic": "1234567890", "network/address": None, "smoke": "later"}


def test_versions_have_their_own_rows() -> None:
    """The same board with another ESP-IDF or MicroPython is another environment, in order."""
    data: list[dict[str, object]] = []
    for idf, micropython in (("v5.5.3", "v1.25.0"), ("v5.4.1", "v1.28.0"), ("v5.4.1", "v1.25.0")):
        text = JUNIT.format(commit="1").replace("v5.4.1", idf).replace("v1.25.0", micropython)
        data = board_results.merged(data, *board_results.taken(text, COLLECTED), COLLECTED)
    lines = board_results.page(data, {FAILURE: "A known fault."}).splitlines()
    assert [line for line in lines if line.startswith("## ")] == [
        f"## esp32s3, QEMU 9.2.2, ESP-IDF {idf}, MicroPython {micropython}, "
        "Debian GNU/Linux 12 x86_64"
        for idf, micropython in (
            ("v5.4.1", "v1.25.0"),
            ("v5.4.1", "v1.28.0"),
            ("v5.5.3", "v1.25.0"),
        )
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (JUNIT.replace('name="QEMU"', 'name="other"'), "does not name QEMU"),
        (JUNIT.replace('name="MicroPython"', 'name="other"'), "does not name MicroPython"),
        (JUNIT.replace("scenarios.", "harness.tests."), "has no scenarios"),
    ],
)
def test_what_cannot_be_taken(
    text: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that does not say what was tested, or tested no scenario, is refused by its name."""
    path = tmp_path / "some.xml"
    path.write_text(text)
    assert board_results.main(["take", str(path)]) == 1
    assert f"{path} {complaint}" in capsys.readouterr().err
