# SPDX-License-Identifier: MIT
"""JUnit XML of checks: a test case for each check."""

from __future__ import annotations

import io

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from espbench.check.report.document import Document, sentence_of
from espbench.check.result import Outcome

__all__ = ["junit"]


def junit(document: Document) -> str:
    """Return JUnit XML; known failures count as skipped, and an interruption as an error."""
    suite = TestSuite(f"check {document.run.firmware.board.name}")
    for name, version in sorted(document.versions.items()):
        suite.add_property(name, version)
    for result in document.run.results:
        case = TestCase(result.id.partition(".")[2], f"check.{result.family}", result.seconds)
        outcome = document.outcome(result)
        if result.outcome is Outcome.FAILED:
            text = "\n\n".join(
                "\n".join([each.heading, *each.lines()]) for each in document.explain(result)
            )
            if outcome.startswith("known"):
                case.result = [Skipped(f"known: {sentence_of(result)}")]
                case.system_out = text
            else:
                failure = Failure(document.sentence(result), outcome)
                failure.text = text
                case.result = [failure]
        elif result.outcome is Outcome.ERROR:
            case.result = [Error(result.sentence, outcome)]
        elif result.outcome is Outcome.NOT_APPLICABLE:
            case.result = [Skipped(result.sentence)]
        elif said := sentence_of(result):
            case.system_out = said
        suite.add_testcase(case)
    if document.interrupted:  # otherwise a reader would take it for a run that passed
        case = TestCase("run", "check")
        case.result = [Error(document.interrupted, "interrupted")]
        suite.add_testcase(case)
    for moved in document.comparison.worse if document.comparison else ():
        case = TestCase(moved.figure.name, "check.figures")
        case.result = [Failure(str(moved), "worse")]
        suite.add_testcase(case)
    for lost in document.comparison.lost if document.comparison else ():
        case = TestCase(lost.name, "check.figures")
        case.result = [Failure(f"No longer measured: {lost}", "lost")]
        suite.add_testcase(case)
    xml = JUnitXml()
    xml.add_testsuite(suite)
    xml.update_statistics()  # type: ignore[no-untyped-call]
    written = io.BytesIO()
    xml.write(written, pretty=True)
    return written.getvalue().decode()
