# SPDX-License-Identifier: MIT
"""`overheard`: each answer that a server gives to a check, for tests that expect a certain one.

A check passes whatever the RFCs allow. The tests of a firmware whose answers are known, such as the
status that refuses a request, run the same check and look at them here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

__all__ = ["hear", "overheard"]

_LOG: ContextVar[list[Any] | None] = ContextVar("overheard", default=None)


@contextlib.contextmanager
def overheard() -> Iterator[list[Any]]:
    """Collect what checks `hear` in this thread within the block, in its order.

    These are `Exchange` (family http), `Response` or None (a WebSocket's opening handshake),
    and `ServerFlight` (family tls).
    """
    log: list[Any] = []
    token = _LOG.set(log)
    try:
        yield log
    finally:
        _LOG.reset(token)


def hear(answer: object) -> None:
    """Add an answer to what is overheard, if anybody listens."""
    if (log := _LOG.get()) is not None:
        log.append(answer)
