# SPDX-License-Identifier: MIT
"""The feed: a thread that passes the console's output to another process."""

from __future__ import annotations

import queue
import threading

from espbench.embedded.log import Feed
from espbench.util.timeouts import Deadline


class Slow:
    """A queue that blocks until it is released."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.taken: list[bytes] = []

    def put(self, data: bytes) -> None:
        """Wait for the release, then store the data."""
        assert self.may.wait(Deadline(10).seconds)
        self.taken.append(data)


def test_feed() -> None:
    """The console's reader does not wait for the other process, and no data is lost."""
    slow = Slow()
    feed = Feed(slow)
    feed.put(b"a\n")
    feed.put(b"b\n")
    assert slow.taken == []
    slow.may.set()
    feed.close()
    assert slow.taken == [b"a\n", b"b\n"]


def test_feed_by_lines() -> None:
    """Only whole lines are forwarded, and the unfinished line at the end."""
    slow = Slow()
    slow.may.set()
    feed = Feed(slow, linger=60)
    for data in (b"port 4", b"43\r", b"\nand\nmo", b"re"):
        feed.put(data)
    feed.close()
    assert slow.taken == [b"port 443\r\nand\n", b"more"]


def test_feed_of_a_prompt() -> None:
    """An unfinished line is forwarded after a while."""

    class Seen:
        def __init__(self) -> None:
            self.data: queue.SimpleQueue[bytes] = queue.SimpleQueue()

        def put(self, data: bytes) -> None:
            self.data.put(data)

    seen = Seen()
    feed = Feed(seen, linger=0.01)
    feed.put(b">>> ")
    assert seen.data.get(timeout=Deadline(10).seconds) == b">>> "
    feed.close()


def test_feed_whose_queue_is_gone() -> None:
    """The thread ends without an error when the other process has ended."""

    class Gone:
        def put(self, data: bytes) -> None:
            raise BrokenPipeError(data)

    feed = Feed(Gone())
    feed.put(b"a\n")
    feed.close()
    assert "espbench-dut" not in {thread.name for thread in threading.enumerate()}
