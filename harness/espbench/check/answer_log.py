# SPDX-License-Identifier: MIT
"""The answers that a server gives to a check, for tests that expect certain ones.

A check passes whatever the RFCs allow. The tests of a firmware whose answers are known, such as the
status that refuses a request, run the same check and look at them here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

__all__ = ["record_answer", "recorded_answers"]

_LOG: ContextVar[list[Any] | None] = ContextVar("recorded_answers", default=None)


@contextlib.contextmanager
def recorded_answers() -> Iterator[list[Any]]:
    """Collect the answers that checks get in this thread within the block, in their order.

    These are `Exchange` (family http), `Response` or None (a WebSocket's opening handshake),
    and `ServerFlight` (family tls).
    """
    log: list[Any] = []
    token = _LOG.set(log)
    try:
        yield log
    finally:
        _LOG.reset(token)


def record_answer(answer: object) -> None:
    """Record an answer, if they are collected."""
    if (log := _LOG.get()) is not None:
        log.append(answer)
