# SPDX-License-Identifier: MIT
"""Ends a pytest session with a usage error after collection, under pytest-xdist too.

Without workers, `pytest.UsageError` does that. A worker of pytest-xdist that raises it crashes, and
every worker would report the same. Instead a worker sends the message as a failed collection
report, which pytest-xdist forwards once, and the controller raises the error (`workers`).
"""

from __future__ import annotations

import pytest

REFUSAL = "espbench_refusal"
"""Attribute of a collection report: the message that ends the session."""


def refuse(session: pytest.Session, sentence: str) -> None:
    """End a session with exit status 4; in a worker, have the controller end it later.

    Raises:
        pytest.UsageError: this process is not a worker.
    """
    if not hasattr(session.config, "workerinput"):
        raise pytest.UsageError(sentence)
    report = pytest.CollectReport("espbench", "failed", sentence, [])
    vars(report)[REFUSAL] = sentence
    session.config.hook.pytest_collectreport(report=report)
