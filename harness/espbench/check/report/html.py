# SPDX-License-Identifier: MIT
"""The HTML report of checks, a self-contained file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from jinja2 import Template

from espbench.check.diagnosis.traits import label_of
from espbench.check.report.document import Document
from espbench.check.report.rows import worst_first
from espbench.check.result import Outcome, Severity, labelled

__all__ = ["html"]

CLASSES = {
    Outcome.PASSED: "good",
    Outcome.FAILED: "bad",
    Outcome.ERROR: "bad",
    Outcome.OBSERVED: "",
    Outcome.NOT_APPLICABLE: "soft",
}


def html(document: Document, page: Path, template: Template) -> str:
    """Return the report, to be written to `page`; `template` is check.html."""

    def href(folder: Path) -> str:
        return quote(os.path.relpath(folder, page.absolute().parent))

    shown = [
        (
            row,
            document.outcome(row.first),
            "skip"
            if document.outcome(row.first).startswith("known")
            else CLASSES[row.first.outcome],
            document.sentence(row.first),
        )
        for row in worst_first(document)
    ]
    failures = [
        (
            each,
            f"failure-{number}",
            [(folder.name, href(folder)) for folder in each.result.evidence],
        )
        for number, each in enumerate(document.explanations(), 1)
    ]
    return template.render(
        document=document,
        verdict="passed" if document.good else "failed",
        rows=shown,
        failures=failures,
        severities=[
            (severity.value, len(anchors), anchors[0])
            for severity in Severity
            if (anchors := [name for each, name, _ in failures if each.severity is severity])
        ],
        figures=[figure for result in document.run.results for figure in result.figures],
        labelled=labelled,
        label_of=label_of,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )
