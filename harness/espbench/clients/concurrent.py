# SPDX-License-Identifier: MIT
"""Runs several clients at once, in threads that all start at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from espbench.clients.errors import ClientError
from espbench.util.renamed import renamed
from espbench.util.timeouts import Deadline

__all__ = ["Outcome", "run_concurrently"]

if not TYPE_CHECKING:
    __getattr__ = renamed(__name__, {"together": "run_concurrently"})

Value = TypeVar("Value")


@dataclass(frozen=True)
class Outcome(Generic[Value]):
    """The result of one client.

    Attributes:
        value: the return value, or None if the client failed.
        error: the `ClientError` that ended the client, or None.
        began, ended: seconds since the start signal.
    """

    value: Value | None
    error: ClientError | None
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long the client took."""
        return self.ended - self.began

    def get(self) -> Value:
        """Return the value; raise the error if there is one."""
        if self.error is not None:
            try:
                raise self.error
            finally:
                del self  # the error's traceback refers to this frame: avoid a reference cycle
        return self.value  # type: ignore[return-value]


def run_concurrently(
    clients: Sequence[Callable[[], Value]], timeout: float = 60.0
) -> list[Outcome[Value]]:
    """Run these clients at once and return their outcomes in the same order.

    Args:
        clients: functions without arguments.
        timeout: seconds (before scaling) within which all have to end.

    Raises:
        TimeoutError: a client did not end in time. Clients have their own deadlines, so
            this is a bug in a client.
        Exception: a client raised something other than a `ClientError`.
    """
    barrier = threading.Barrier(len(clients) + 1)
    outcomes: dict[int, Outcome[Value]] = {}
    faults: list[BaseException] = []
    start = 0.0

    def run(index: int, client: Callable[[], Value]) -> None:
        barrier.wait()
        began = time.monotonic() - start
        # Not kept in a local variable: the error's traceback refers to this frame, so that would
        # be a reference cycle.
        outcomes[index] = Outcome(*_run(client, faults.append), began, time.monotonic() - start)

    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(clients)]
    for thread in threads:
        thread.start()
    start = time.monotonic()
    barrier.wait()
    deadline = Deadline(timeout)
    for thread in threads:
        thread.join(deadline.remaining())
    # The threads' frames refer to these two, and their contents refer to the frames.
    done = [outcomes.pop(index) for index in sorted(outcomes)]
    fault = faults[0] if faults else None
    faults.clear()
    if fault is not None:
        try:
            raise fault
        finally:
            del fault  # its traceback refers to this frame
    if len(done) < len(clients):
        raise TimeoutError(f"{len(clients) - len(done)} clients did not end within {deadline}.")
    return done


def _run(
    client: Callable[[], Value], fault: Callable[[BaseException], None]
) -> tuple[Value | None, ClientError | None]:
    """Return a client's value or its `ClientError`; pass any other exception to `fault`.

    No local variable keeps the error: its traceback refers to this frame, so that would be a
    reference cycle, which would also keep everything that the client opened.
    """
    try:
        return client(), None
    except ClientError as error:
        return None, error
    except BaseException as error:  # noqa: BLE001 (raised again in the caller's thread)
        fault(error)
        return None, None
