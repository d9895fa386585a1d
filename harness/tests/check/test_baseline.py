# SPDX-License-Identifier: MIT
"""Known failures and figures: what closes the gate, what is gone, and what is kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from espbench.check.baseline import (
    Baseline,
    Known,
    compare,
    kind_of,
    merged,
    read_baseline,
    write_baseline,
)
from espbench.check.result import Figure, Finding, Outcome, Result, Severity
from espbench.errors import ConfigError

SMUGGLING = Finding('It took "TE" \\ and CL.', Severity.SECURITY, "te-cl")
SLOW = Finding("It hung.", Severity.ROBUSTNESS)


def result(
    name: str, *findings: Finding, outcome: Outcome | None = None, figures: tuple[Figure, ...] = ()
) -> Result:
    """Return a result."""
    ended = outcome or (Outcome.FAILED if findings else Outcome.PASSED)
    return Result(name, name, "It works.", "RFC", ended, "", findings, figures)


def heap(value: float, better: str = "lower") -> Figure:
    """Return a figure with a tolerance of 10."""
    return Figure("memory.session", "TLS session", value, "B", better, 10, "memory.cost")


def test_first(tmp_path: Path) -> None:
    """What is written is read again, in a stable order, and makes all failures known."""
    results = [
        result("http.z", SMUGGLING),
        result("http.a", SLOW),
        result("memory.cost", figures=(heap(100),)),
    ]
    made = merged(Baseline(), results)
    path = tmp_path / "ci" / "check.toml"
    write_baseline(path, made)
    first = path.read_text()
    assert first.index("http.a") < first.index("http.z") < first.index("memory.session")
    again = read_baseline(path)
    assert again == made
    write_baseline(path, again)
    assert path.read_text() == first
    found = compare(again, results)
    assert found.passes
    assert len(found.known) == 2
    assert not found.gone


def test_licence(tmp_path: Path) -> None:
    """An update keeps the file's licence line, and adds none to a file that has none."""
    path = tmp_path / "check.toml"
    made = merged(Baseline(), [result("http.a", SLOW)])
    write_baseline(path, made)
    first = path.read_text()
    assert "SPDX" not in first
    licence = "# SPDX-License-Identifier: Apache-2.0\n"
    path.write_text(licence + first)
    write_baseline(path, made)
    assert path.read_text() == licence + first
    assert read_baseline(path) == made


def test_one_case() -> None:
    """Cases and figures that did not run are neither gone nor lost, and an update keeps them."""
    other = Finding("It took both.", Severity.SECURITY, "cl-cl")
    whole = result("http.a", SMUGGLING, other, figures=(replace(heap(100), source="http.a"),))
    before = merged(Baseline(), [whole])
    one = replace(result("http.a", SMUGGLING), untried=("cl-cl",))
    found = compare(before, [one])
    assert found.passes
    assert (len(found.known), found.gone) == (1, [])
    assert merged(before, [one]) == before
    repaired = replace(result("http.a"), untried=("cl-cl",))
    assert [known.case for known in compare(before, [repaired]).gone] == ["te-cl"]
    assert [known.case for known in merged(before, [repaired]).known] == ["cl-cl"]


def test_new_and_gone() -> None:
    """A new case, and a known one that got more severe, close the gate; one may go."""
    before = merged(Baseline(), [result("http.a", SMUGGLING), result("http.b", SLOW)])
    other = Finding("x", Severity.SECURITY, "cl-cl")
    found = compare(before, [result("http.a", SMUGGLING, other), result("http.b")])
    assert not found.passes
    assert [finding for _, finding in found.new] == [other]
    assert [known.check for known in found.gone] == ["http.b"]
    worse = Finding("It panicked.", Severity.ROBUSTNESS, "te-cl")
    assert not compare(before, [result("http.a", worse)]).passes
    # Other words for the same failure do not make it new.
    same = Finding("It took both.", Severity.SECURITY, "te-cl")
    assert compare(before, [result("http.a", same)]).passes


def test_another_failure_of_a_check() -> None:
    """Where a check has no cases, another failure is new; other numbers and names are not."""
    hung = Finding("While 3 clients wait, http on port 80 served nobody.", Severity.ROBUSTNESS)
    later = Finding("While 12 clients wait, http on port 8080 served nobody.", Severity.ROBUSTNESS)
    panic = Finding("It panicked: Guru Meditation Error in httpd_task.", Severity.ROBUSTNESS)
    before = merged(Baseline(), [result("http.b", hung)])
    assert compare(before, [result("http.b", later)]).passes
    found = compare(before, [result("http.b", hung, panic)])
    assert [finding for _, finding in found.new] == [panic]
    found = compare(before, [result("http.b", panic)])
    assert (len(found.new), len(found.gone)) == (1, 1)
    assert merged(before, [result("http.b", panic)]).known[0].kind == "it-panicked"


def test_file_of_an_earlier_version(tmp_path: Path) -> None:
    """A file without kinds is read, and each entry stands for any failure of its check."""
    path = tmp_path / "check.toml"
    path.write_text(
        '[[known]]\ncheck = "http.b"\ncase = ""\nseverity = "robustness"\nsentence = "It hung."\n'
    )
    before = read_baseline(path)
    panic = Finding("It panicked.", Severity.ROBUSTNESS)
    assert compare(before, [result("http.b", panic)]).passes
    assert not compare(before, [result("http.b", panic)]).gone
    write_baseline(path, merged(before, [result("http.b", panic)]))
    assert 'kind = "it-panicked"' in path.read_text()
    assert not compare(read_baseline(path), [result("http.b", SLOW)]).passes


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("Of three requests, only 1 was answered.", "of-three-requests-only-was-answered"),
        ("It chooses TLS_RSA (it closed), but fails.", "it-chooses-but-fails"),
        ("4 s after a request with 'Connection: close', it answered.", "after-a-request-with"),
        ("GET /x is answered with 500, not 200.", "is-answered-with-not"),
        ("It panicked: Guru Meditation Error: Core 0 panic'ed.", "it-panicked"),
        ("After a client's close_notify, it sent none.", "after-a-it-sent-none"),
        ("After a client's close_notify, it crashed.", "after-a-it-crashed"),
        ("It cannot use TLS_A (it closed) and TLS_B (it closed).", "it-cannot-use"),
        ("It cannot use TLS_A (it closed).", "it-cannot-use"),
        ("", ""),
    ],
)
def test_kinds(sentence: str, kind: str) -> None:
    """A kind has the words of the sentence's beginning, without what differs from run to run."""
    assert kind_of(sentence) == kind


@pytest.mark.parametrize("outcome", [Outcome.NOT_APPLICABLE, Outcome.ERROR])
def test_not_run(outcome: Outcome) -> None:
    """A check that did not run says nothing about its known failures and figures."""
    before = merged(Baseline(), [result("http.b", SLOW), result("memory.cost", figures=(heap(1),))])
    now = [result("http.b", outcome=outcome), result("memory.cost", outcome=outcome)]
    found = compare(before, now)
    assert not found.gone
    assert not found.lost
    assert merged(before, now) == before
    assert compare(before, []).passes


@pytest.mark.parametrize(
    ("before", "after", "better", "verdict"),
    [
        (100, 110, "lower", "same"),
        (100, 111, "lower", "worse"),
        (100, 89, "lower", "better"),
        (100, 89, "higher", "worse"),
        (100, 111, "higher", "better"),
    ],
)
def test_figures(before: float, after: float, better: str, verdict: str) -> None:
    """A figure closes the gate when it is worse by more than its tolerance."""
    base = merged(Baseline(), [result("memory.cost", figures=(heap(before, better),))])
    found = compare(base, [result("memory.cost", figures=(heap(after, better),))])
    assert found.passes == (verdict != "worse")
    assert bool(found.worse) == (verdict == "worse")
    assert bool(found.better) == (verdict == "better")


def test_lost_figure() -> None:
    """A check that runs and measures a figure no longer closes the gate."""
    base = merged(Baseline(), [result("memory.cost", figures=(heap(1),))])
    found = compare(base, [result("memory.cost")])
    assert [figure.name for figure in found.lost] == ["memory.session"]
    assert not found.passes


def test_kept_tolerance() -> None:
    """An update keeps a tolerance that somebody has edited."""
    base = merged(Baseline(), [result("memory.cost", figures=(heap(1),))])
    edited = Baseline(base.known, {"memory.session": Figure(**{**vars(heap(1)), "tolerance": 99})})
    after = merged(edited, [result("memory.cost", figures=(heap(50),))])
    assert after.figures["memory.session"].tolerance == 99
    assert after.figures["memory.session"].value == 50


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[known]]\ncheck = 'a'\n", "is not a baseline of espbench check"),
        ("[[figures]]\nname = 'a'\ncolour = 1\n", "is not a baseline of espbench check"),
        ("known = 3\n", "is not a baseline"),
        ("[[known]\n", "is not valid TOML"),
    ],
)
def test_wrong(text: str, message: str, tmp_path: Path) -> None:
    """A file that is not a baseline gets one sentence."""
    path = tmp_path / "check.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_baseline(path)
    with pytest.raises(ConfigError, match="write it with --update"):
        read_baseline(tmp_path / "none.toml")


def test_strings() -> None:
    """Whatever a device sent can stand in a baseline."""
    import tomllib

    from espbench.check.baseline import _value

    for text in ('"\\', "\x00\x7f\n\t", "é\u2028", "\U0001f600"):
        assert tomllib.loads(f"x = {_value(text)}")["x"] == text
    assert Known("a", "b", "c", "d") == Known("a", "b", "c", "other words")
