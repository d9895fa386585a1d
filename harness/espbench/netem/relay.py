# SPDX-License-Identifier: MIT
"""`Relay`: the thread that forwards frames between QEMU's filters through both lanes."""

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
    """One direction: frames come from `source`, pass through the lane and go to `sink`."""

    lane: Lane
    source: socket.socket
    sink: socket.socket
    unframer: Unframer = field(default_factory=Unframer)
    unsent: bytearray = field(default_factory=bytearray)


class Relay:
    """Forwards frames until one end of a wire is closed.

    It never stops reading: QEMU's filters write with blocking calls, so the guest would stall.
    """

    def __init__(self, wires: Sequence[Wire]) -> None:
        """Take over the wires' sockets, and start."""
        self.lock = threading.Lock()
        """Must be held to read or change lanes."""
        self._wires = tuple(wires)
        for wire in self._wires:
            wire.source.setblocking(False)
            wire.sink.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="espbench-network", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the relay is still running."""
        return self._thread.is_alive()

    def close(self) -> None:
        """End the thread, which closes the sockets; frames under way are lost."""
        for wire in self._wires:
            # Wakes the thread in the same way as the end of QEMU; close() alone would not.
            with contextlib.suppress(OSError):
                wire.source.shutdown(socket.SHUT_RDWR)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            with selectors.DefaultSelector() as selector:
                self._carry(selector)
        except OSError:
            pass  # QEMU has ended, so there is nothing more to forward.
        finally:
            for wire in self._wires:
                wire.source.close()
                wire.sink.close()

    def _carry(self, selector: selectors.BaseSelector) -> None:
        for wire in self._wires:
            selector.register(wire.source, selectors.EVENT_READ, wire)
            # Detects the end of QEMU; write events are enabled below while the sink is full.
            selector.register(wire.sink, selectors.EVENT_READ, None)
        while True:
            for key, events in selector.select(self._patience()):
                if key.data is not None and events & selectors.EVENT_READ:
                    data = key.data.source.recv(_READ)
                    if not data:
                        return
                    self._take(key.data, data)
                elif key.data is None and events & selectors.EVENT_READ:
                    return  # QEMU sends nothing on this socket, so it has closed it
            for wire in self._wires:
                self._hand_on(wire)
                full = selectors.EVENT_WRITE if wire.unsent else 0
                selector.modify(wire.sink, selectors.EVENT_READ | full, None)

    def _patience(self) -> float | None:
        """Return the seconds until the next frame has to leave, or None if there is none."""
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
