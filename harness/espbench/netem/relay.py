# SPDX-License-Identifier: MIT
"""The thread that carries frames between QEMU's filters and both directions of the network."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from espbench.netem.framing import Unframer, encode
from espbench.netem.link import Lane

__all__ = ["Relay", "Wire"]

_READ = 1 << 16


@dataclass(slots=True)
class Wire:
    """One direction: frames come from `source`, and those that its lane hands on go to `sink`."""

    lane: Lane
    source: socket.socket
    sink: socket.socket
    unframer: Unframer = field(default_factory=Unframer)
    unsent: bytearray = field(default_factory=bytearray)


class Relay:
    """Carries frames until one end of a wire is closed.

    It always reads: QEMU's filters write with blocking calls, and a guest would stand still while
    nobody takes its frames.
    """

    def __init__(self, wires: Sequence[Wire]) -> None:
        """Take over the wires' sockets, and start."""
        self.lock = threading.Lock()
        """Held by whoever looks at lanes or changes them."""
        self._wires = tuple(wires)
        for wire in self._wires:
            wire.source.setblocking(False)
            wire.sink.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="espbench-network", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether frames are still carried."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End the thread, which closes the sockets; frames on their way are gone."""
        for wire in self._wires:
            # Wakes the thread as QEMU's end would; closing alone would not.
            with contextlib.suppress(OSError):
                wire.source.shutdown(socket.SHUT_RDWR)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                self._carry(selector)
        except OSError:
            pass  # QEMU's end is closed: it has ended, and there is nothing more to carry.
        finally:
            for wire in self._wires:
                wire.source.close()
                wire.sink.close()

    def _carry(self, selector: selectors.BaseSelector) -> None:
        for wire in self._wires:
            selector.register(wire.source, selectors.EVENT_READ, wire)
            # A lane's frames are written below; this one is for a sink that was full.
            selector.register(wire.sink, selectors.EVENT_READ, None)
        while True:
            for key, events in selector.select(self._patience()):
                if key.data is not None and events & selectors.EVENT_READ:
                    data = key.data.source.recv(_READ)
                    if not data:
                        return
                    self._take(key.data, data)
                elif key.data is None and events & selectors.EVENT_READ:
                    return  # QEMU sends nothing there but its end
            for wire in self._wires:
                self._hand_on(wire)
                full = selectors.EVENT_WRITE if wire.unsent else 0
                selector.modify(wire.sink, selectors.EVENT_READ | full, None)

    def _patience(self) -> float | None:
        """Return how long there is nothing to do unless a frame comes: None is for ever."""
        with self.lock:
            due = [at for wire in self._wires if (at := wire.lane.next_due) is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _take(self, wire: Wire, data: bytes) -> None:
        now = time.monotonic()
        with self.lock:
            for frame in wire.unframer.feed(data):
                wire.lane.take(frame, now)

    def _hand_on(self, wire: Wire) -> None:
        with self.lock:
            for frame in wire.lane.due(time.monotonic()):
                wire.unsent += encode(frame)
        with contextlib.suppress(BlockingIOError):
            while wire.unsent:
                del wire.unsent[: wire.sink.send(wire.unsent)]
