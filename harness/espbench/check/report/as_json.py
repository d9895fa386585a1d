# SPDX-License-Identifier: MIT
"""The results of checks as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from espbench.check.report.document import Document
from espbench.check.run import CheckRun

__all__ = ["as_json"]


def as_json(document: Document) -> dict[str, Any]:
    """Return a JSON object: servers, results, and the differences from the baseline.

    `from_json` reads it.
    """
    it = document.comparison
    made: dict[str, Any] = {
        "board": document.run.firmware.board.name,
        "firmware": str(document.run.firmware.image),
        "command": list(document.command),
        "passed": document.good,
        "summary": document.summary(),
        "interrupted": _progress(document.run) if document.run.interruption else None,
        "not_inspectable": document.run.blind or None,
        "servers": [asdict(server) for server in document.run.servers],
        "results": [result.as_json() for result in document.run.results],
        "versions": dict(document.versions),
    }
    if it is not None:
        made["baseline"] = {
            "new": [{"check": r.id, **_finding(f)} for r, f in it.new],
            "known": [{"check": r.id, **_finding(f)} for r, f in it.known],
            "gone": [vars(known) for known in it.gone],
            "worse": [_moved(moved) for moved in it.worse],
            "better": [_moved(moved) for moved in it.better],
            "lost": [figure.name for figure in it.lost],
        }
    return made


def _progress(run: CheckRun) -> dict[str, int]:
    return {"done": run.done, "planned": run.planned}


def _finding(finding: Any) -> dict[str, str]:
    return {
        "case": finding.case,
        "severity": finding.severity.value,
        "sentence": finding.sentence,
    }


def _moved(moved: Any) -> dict[str, Any]:
    return {
        "name": moved.figure.name,
        "value": moved.figure.value,
        "before": moved.before.value,
        "tolerance": moved.before.tolerance,
    }
