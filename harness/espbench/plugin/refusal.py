# SPDX-License-Identifier: MIT
"""Ends a pytest session with one sentence, as a usage error, once its tests are known.

Before collection, in the process that was started, that is `pytest.UsageError`. A worker of
pytest-xdist that raises it crashes, and each worker has the same to say. So a worker sends its
sentence as a report of a collection that failed, which pytest-xdist passes on once, and the
controller raises the error (`workers`).
"""

from __future__ import annotations

import pytest

REFUSAL = "espbench_refusal"
"""The attribute of a report that ends the session: the sentence."""


def refuse(session: pytest.Session, sentence: str) -> None:
    """End a session with exit status 4; under pytest-xdist the controller does, some time later.

    Raises:
        pytest.UsageError: this process is not a worker.
    """
    if not hasattr(session.config, "workerinput"):
        raise pytest.UsageError(sentence)
    report = pytest.CollectReport("espbench", "failed", sentence, [])
    vars(report)[REFUSAL] = sentence
    session.config.hook.pytest_collectreport(report=report)
