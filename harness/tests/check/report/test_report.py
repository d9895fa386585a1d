# SPDX-License-Identifier: MIT
"""The reports of checks: what each shows of a failure, and of a baseline."""

from __future__ import annotations

import ast
import html as html_entities
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from espbench.boards.builtin import ESP32
from espbench.check.baseline import Baseline, compare, merged
from espbench.check.report.as_json import as_json
from espbench.check.report.document import Document, sentence_of
from espbench.check.report.from_json import read_document
from espbench.check.report.html import html
from espbench.check.report.junit import junit
from espbench.check.report.markdown import markdown
from espbench.check.report.rows import worst_first
from espbench.check.report.scenario import file_name, scenario
from espbench.check.report.table import table
from espbench.check.result import Figure, Finding, Outcome, Result, Severity
from espbench.check.run import CheckRun
from espbench.check.server import Server
from espbench.check.target.firmware import Firmware
from espbench.errors import ConfigError
from espbench.reporting.html import template
from junitparser import JUnitXml
from page_loads import loads
from rich.console import Console

NASTY = 'It sent "<b>|`x`" \\ twice.'
FAILED = Result(
    "http.smuggling@443",
    "http.smuggling",
    "A message has one length.",
    "RFC 9112, section 6.3",
    Outcome.FAILED,
    findings=(
        Finding(NASTY, Severity.SECURITY, "CL and TE", ("A trait.",), ("E httpd: bad (3 times)",)),
        Finding("It took both.", Severity.CONFORMANCE, "two CL"),
    ),
    seconds=1.5,
    evidence=(Path("/there/evidence/http.smuggling"),),
)
PASSED = Result("http.head", "http.head", "No body.", "RFC 9110", Outcome.PASSED)
SEEN = Result(
    "tls.sessions",
    "tls.sessions",
    "It serves several.",
    "",
    Outcome.OBSERVED,
    "The fifth waits.",
    figures=(Figure("tls.sessions", "TLS sessions at once", 4, "", "higher"),),
)
LACKING = Result("memory.a", "memory.a", "x", "", Outcome.NOT_APPLICABLE, "It has no ELF file.")
BROKEN = Result("boot.a", "boot.a", "x", "", Outcome.ERROR, "espbench failed.")


VERSIONS = {"QEMU": "9.2.2", "application": "my|app <b> v1", "ESP-IDF": "v5.4.1", "Python": "3.11"}


def document(*results: Result, known: tuple[Result, ...] | None = None) -> Document:
    """Return a document, compared with a baseline of `known`."""
    run = CheckRun(
        Firmware(ESP32, Path("build/my app.bin")),
        [Server(443, tls=True, http=True, status=200)],
        list(results),
    )
    compared = None if known is None else compare(merged(Baseline(), known), results)
    return Document(run, ["espbench", "check", "build/my app.bin"], compared, VERSIONS)


def test_sentence() -> None:
    """A row says what is wrong, or what was seen and measured."""
    assert sentence_of(FAILED) == f"CL and TE: {NASTY} two CL: It took both."
    assert sentence_of(SEEN) == "The fifth waits. TLS sessions at once: 4"
    assert sentence_of(PASSED) == ""
    assert sentence_of(LACKING) == "It has no ELF file."


def test_details() -> None:
    """A failure names the rule, what explains it, the console, the command and the evidence."""
    made = document(FAILED).explain(FAILED)[0]
    assert made.heading == "http.smuggling@443 (security)"
    assert made.lines() == [
        f"CL and TE: {NASTY}",
        "expected: A message has one length. (RFC 9112, section 6.3)",
        "known behaviour: A trait.",
        "console: E httpd: bad (3 times)",
        "rerun: espbench check 'build/my app.bin' --only 'http.smuggling@443:CL and TE'",
        "evidence: /there/evidence/http.smuggling",
    ]


def failing(*cases: str, sentence: str = "It took {}.") -> Result:
    """Return a result whose cases failed."""
    findings = [
        Finding(sentence.format(case), Severity.SECURITY, case, ("A trait.",), ("E httpd: bad",))
        for case in cases
    ]
    return replace(FAILED, findings=tuple(findings))


def test_cases_share_an_explanation() -> None:
    """Failures of one check that differ in their cases share what explains them."""
    both = failing("CL", "TE")
    (made,) = document(both).explain(both)
    assert made.lines() == [
        "2 failures:",
        "- It took CL.",
        "- It took TE.",
        "expected: A message has one length. (RFC 9112, section 6.3)",
        "known behaviour: A trait.",
        "console: E httpd: bad (2 times)",
        "rerun: espbench check 'build/my app.bin' --only http.smuggling@443",
        "evidence: /there/evidence/http.smuggling",
    ]
    assert made.lines(1)[:3] == [
        "2 failures:",
        "- It took CL.",
        "- and 1 more, which the HTML report shows",
    ]
    half = document(both, known=(failing("CL"),))
    assert [each.lines()[0] for each in half.explain(both, new=True)] == ["It took TE."]
    assert half.new(both).findings == both.findings[1:]
    assert half.sentence(both) == "It took TE. (1 known)"
    assert document(both).sentence(both) == "It took CL. It took TE."
    assert document(both, known=(both,)).sentence(both) == "It took CL. It took TE."
    assert [each.heading for each in half.explain(both)] == [
        "http.smuggling@443 (security, known)",
        "http.smuggling@443 (security)",
    ]


def test_the_console_is_counted() -> None:
    """A line of the console that comes with several cases stands once, whatever its numbers."""
    findings = [
        replace(each, console=("E httpd: bad (3 times)", f"W httpd: slow {number}"))
        for number, each in enumerate(failing("a", "b").findings)
    ]
    both = replace(FAILED, findings=tuple(findings))
    assert document(both).explain(both)[0].console == [
        "E httpd: bad (6 times)",
        "W httpd: slow 0 (2 times)",
    ]


def test_cases_share_a_sentence() -> None:
    """A sentence that several cases have in common stands once, after a few of them."""
    assert sentence_of(failing("a", "b", "c", sentence="It hung.")) == "a, b and c: It hung."
    many = failing(*"abcdefgh", sentence="It hung.")
    assert sentence_of(many) == "a, b, c, d and 4 more: It hung."


def test_cases_in_parentheses_share_a_sentence() -> None:
    """Sentences that differ in the case in parentheses alone are one, which lists the cases."""
    names = ("one chunk", "no chunk", "GET, lower case, no blank")
    findings = [
        replace(
            failing(name).findings[0], sentence=f"A body ({name.removeprefix('GET, ')}) is lost."
        )
        for name in names
    ]
    result = replace(FAILED, findings=tuple(findings))
    assert sentence_of(result) == "A body (one chunk, no chunk and lower case, no blank) is lost."
    assert sentence_of(replace(result, findings=findings[:1])) == "A body (one chunk) is lost."


def test_the_worst_comes_first(tmp_path: Path) -> None:
    """Terminal, Markdown and HTML begin with what is worst, and name the severity."""

    def result(name: str, severity: Severity) -> Result:
        return Result(
            f"a.{name}", f"a.{name}", "x", "", Outcome.FAILED, "", (Finding("No.", severity),)
        )

    results = [
        PASSED,
        SEEN,
        LACKING,
        result("late", Severity.CONFORMANCE),
        result("down", Severity.ROBUSTNESS),
        result("open", Severity.SECURITY),
        BROKEN,
    ]
    made = document(*results)
    headings = ["a.open (security)", "a.down (robustness)", "a.late (conformance)"]
    assert [each.heading for each in made.explanations()] == headings
    order = ["a.open", "a.down", "a.late", "boot.a", "tls.sessions", "http.head", "memory.a"]
    assert [row.id for row in worst_first(made)] == order
    text = markdown(made)
    assert [
        line[4:].partition("**")[0] for line in text.splitlines() if line[:4] == "- **"
    ] == headings
    page = html(made, tmp_path / "report.html", template("check.html"))
    places = [page.index(f">{severity.value}</span>\n    a.") for severity in Severity]
    assert places == sorted(places)
    known = document(*results, known=(results[5],))
    assert [row.id for row in worst_first(known)][3] == "a.open"


@pytest.mark.parametrize("show", ["table", "markdown", "html"])
def test_one_row_for_one_reason(show: str, tmp_path: Path) -> None:
    """Checks of a family that do not apply for the same reason share a row."""
    lacking = [
        replace(LACKING, id=f"websocket.{name}", name=f"websocket.{name}", sentence="No path.")
        for name in "abc"
    ]
    made = document(PASSED, *lacking, LACKING)
    if show == "table":
        console = Console(width=200, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
        console.print(table(made))
        shown = console.export_text()
    elif show == "markdown":
        shown = markdown(made)
    else:
        shown = html(made, tmp_path / "report.html", template("check.html"))
    assert shown.count("No path.") == 1
    assert "3 checks" in shown
    assert shown.count("It has no ELF file.") == 1
    assert made.summary() == "5 checks: 1 passed, 4 not applicable."


@pytest.mark.parametrize(
    ("results", "known", "good", "words"),
    [
        ((PASSED, SEEN, LACKING), None, True, "1 passed, 1 observed, 1 not applicable."),
        ((PASSED, FAILED), None, False, "2 checks: 1 passed, 1 failed."),
        ((BROKEN,), None, False, "1 error"),
        ((FAILED,), (), False, "1 failed. Gate failed: 2 new failures, 0 worse or lost figures."),
        (
            (FAILED,),
            (FAILED,),
            True,
            "1 known. Gate passed: no new failure, no worse figure.",
        ),
        ((BROKEN,), (), False, "Gate failed"),
        ((), (), True, "none ran"),
    ],
)
def test_verdict(
    results: tuple[Result, ...], known: tuple[Result, ...] | None, good: bool, words: str
) -> None:
    """The verdict, without and with a baseline."""
    made = document(*results, known=known)
    assert made.good is good
    assert words in made.summary()


@pytest.mark.parametrize("known", [None, (), (FAILED,)])
def test_interrupted(known: tuple[Result, ...] | None) -> None:
    """An interrupted run has not passed, in any report, whatever was done until then."""
    made = document(PASSED, known=known)
    made.run.planned, made.run.done, made.run.interruption = 94, 1, KeyboardInterrupt()
    assert not made.good
    assert made.summary() == "Interrupted after 1 of 94 checks. 1 check: 1 passed."
    assert as_json(made)["interrupted"] == {"done": 1, "planned": 94}
    assert as_json(made)["passed"] is False
    assert markdown(made).startswith("### Interrupted after 1 of 94 checks. ")
    [suite] = JUnitXml.fromstring(junit(made).encode())
    assert (suite.tests, suite.errors) == (2, 1)
    assert as_json(document(PASSED))["interrupted"] is None


def test_read_again(tmp_path: Path) -> None:
    """Results that were written as JSON come back as they were."""
    untried = replace(SEEN, untried=("a", "b"), cases=3, seconds=1.5)
    made = document(PASSED, FAILED, untried, LACKING, BROKEN)
    made.run.blind = "There is no ELF file."
    path = tmp_path / "check.json"
    path.write_text(json.dumps(as_json(made)))
    again = read_document(path)
    assert again.run.results == made.run.results
    assert again.run.results[1].evidence == FAILED.evidence
    assert (again.run.servers, again.run.blind) == (made.run.servers, made.run.blind)
    assert (again.command, again.versions) == (made.command, made.versions)
    assert as_json(again) == as_json(made)
    made.run.planned, made.run.done, made.run.interruption = 9, 4, KeyboardInterrupt()
    path.write_text(json.dumps(as_json(made)))
    assert read_document(path).summary() == made.summary()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, r"check\.json cannot be read \(No such file or directory\): check --from\."),
        (
            "{",
            r"check\.json is not a result of espbench check \(JSONDecodeError: .*name check\.json",
        ),
        ("{}", r"is not a result of espbench check \(KeyError: 'board'\): name check\.json in the"),
        ("[]", r"is not a result of espbench check \(AttributeError: "),
        (
            '{"board": "esp32", "firmware": "x", "servers": [3]}',
            r"is not a result of espbench check",
        ),
    ],
)
def test_not_a_result(text: str | None, sentence: str, tmp_path: Path) -> None:
    """A file without a run's results is refused in one sentence."""
    path = tmp_path / "check.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=sentence):
        read_document(path)


def test_gone() -> None:
    """What has gone is praised, with the way to keep it."""
    gone = Result("http.smuggling@443", "http.smuggling", "x", "", Outcome.PASSED)
    made = document(gone, known=(FAILED,))
    which = "http.smuggling@443:CL and TE, http.smuggling@443:two CL"
    words = f"2 known failures gone ({which}): record this with --update."
    assert words in made.summary()
    assert "**Gone**" in markdown(made)


def test_table() -> None:
    """The table shows family, check, outcome with severity, and the sentence as it is."""
    console = Console(width=200, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(table(document(PASSED, FAILED)))
    shown = console.export_text()
    assert shown.startswith("application my|app <b> v1, ESP-IDF v5.4.1, QEMU 9.2.2")
    assert "failed (security)" in shown
    assert NASTY in shown


def test_junit() -> None:
    """Failures fail, known ones and what does not apply are skipped, errors are errors."""
    everything = (PASSED, FAILED, SEEN, LACKING, BROKEN)
    [suite] = JUnitXml.fromstring(junit(document(*everything)).encode())
    found = suite.properties()  # type: ignore[no-untyped-call]
    assert {each.name: each.value for each in found} == VERSIONS
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 1, 1, 1)
    [failure] = next(case for case in suite if case.name == "smuggling@443").result
    assert failure.type == "failed (security)"
    assert failure.message == sentence_of(FAILED)
    assert "http.smuggling@443 (conformance)\ntwo CL: It took both." in (failure.text or "")
    assert "espbench check" in (failure.text or "")
    [suite] = JUnitXml.fromstring(junit(document(*everything, known=(FAILED,))).encode())
    assert (suite.failures, suite.skipped) == (0, 2)


def test_junit_figures() -> None:
    """A worse figure, and one that is gone, are failures."""
    was = replace(SEEN.figures[0], source="tls.sessions")
    before = replace(SEEN, figures=(was,))
    now = Result("tls.sessions", "", "", "", Outcome.PASSED)
    [suite] = JUnitXml.fromstring(junit(document(now, known=(before,))).encode())
    assert suite.failures == 1


def test_markdown() -> None:
    """Nothing that a device sent is taken for Markdown, a table's bar or HTML."""
    text = markdown(document(PASSED, FAILED, known=()))
    assert text.startswith("### 2 checks:")
    assert "<b>" not in text
    rows = [line for line in text.splitlines() if line.startswith("| `http.smuggling")]
    assert rows
    assert all(row.count("|") == 4 for row in rows)
    assert all(NASTY in html_entities.unescape(row) for row in rows), "a browser shows it as it was"
    assert "| `http.smuggling@443` | failed (security) |" in text
    assert "  - rerun: `espbench check " in text
    assert "QEMU 9.2.2" in text
    assert "ESP-IDF v5.4.1" in text
    assert "application my&#124;app &#60;b&#62; v1" in text


def test_evidence_in_markdown(tmp_path: Path) -> None:
    """A pull request shows where the evidence is among the job's artifacts."""
    failed = replace(FAILED, evidence=(tmp_path / "build" / "evidence" / "http.host",))
    text = markdown(document(failed, known=()), tmp_path)
    assert "  - evidence: build/evidence/http.host\n" in text


def test_html(tmp_path: Path) -> None:
    """The page is complete, escapes what a device sent, and links to the evidence."""
    page = tmp_path / "report.html"
    text = html(document(PASSED, FAILED, SEEN, known=()), page, template("check.html"))
    assert "<b>|" not in text
    assert "&lt;b&gt;" in text
    assert 'evidence/http.smuggling"' in text
    assert "application my|app &lt;b&gt; v1, " in text
    assert "https on port 443" in text
    assert "TLS sessions at once: 4" in text
    assert "http://" not in text


def test_html_has_an_outline(tmp_path: Path) -> None:
    """Each failure has a heading with its severity, to which the page's beginning links."""
    page = html(document(PASSED, FAILED), tmp_path / "report.html", template("check.html"))
    found = re.findall(r'<h3 id="([^"]+)"><span class="tag ([^"]+)">', page)
    assert [severity for _, severity in found] == ["security", "conformance"]
    assert all(f'href="#{anchor}"' in page for anchor, _ in found)
    assert all(f'aria-labelledby="{anchor}"' in page for anchor, _ in found)
    assert loads(page) == []


def test_json() -> None:
    """The object can be written, and has what differs from the baseline."""
    data = json.loads(json.dumps(as_json(document(PASSED, FAILED, known=()))))
    assert data["passed"] is False
    assert data["versions"] == VERSIONS
    assert [each["check"] for each in data["baseline"]["new"]] == ["http.smuggling@443"] * 2
    assert data["results"][1]["findings"][0]["severity"] == "security"


def test_scenario() -> None:
    """The file is valid Python, with the cases that failed."""
    text = scenario(FAILED)
    tree = ast.parse(text)
    assert (
        '\n        "http.smuggling@443:CL and TE",\n        "http.smuggling@443:two CL",\n' in text
    )
    assert [each.name for each in tree.body if isinstance(each, ast.FunctionDef)] == [
        "test_http_smuggling"
    ]
    assert file_name(FAILED) == "test_http_smuggling_443.py"


@pytest.mark.parametrize("name", ["http.get", "websocket.a_check_with_an_uncommonly_long_name"])
@pytest.mark.parametrize("case", ["", 'a "quoted" one', "it's", "a \\ and \t"])
def test_format_of_scenarios(name: str, case: str, tmp_path: Path) -> None:
    """The file is as ruff formats it by default, however long sentence and names are."""
    findings = (
        Finding(f"It said {'a long word ' * 30}and hung.", Severity.SECURITY, case),
        Finding("It hung.", Severity.SECURITY, f"{case} and {'much ' * 20}more"),
    )
    made = Result(name, name, "It works " * 20, "RFC 1", Outcome.FAILED, "", findings)
    path = tmp_path / file_name(made)
    path.write_text(scenario(made))
    assert max(len(line) for line in scenario(made).partition("import")[0].splitlines()) <= 88
    ruff = [sys.executable, "-m", "ruff", "format", "--isolated", "--check", str(path)]
    done = subprocess.run(ruff, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + path.read_text()
    namespace: dict[str, Any] = {}
    exec(compile(path.read_text(), str(path), "exec"), namespace)
    docstring = " ".join(str(namespace["__doc__"]).split())
    assert " ".join(case.replace('"', "'").split()) in docstring
    [mark] = next(v for k, v in namespace.items() if k.startswith("test_")).pytestmark
    assert mark.args[1] == [f"{name}:{f.case}" if f.case else name for f in findings]
