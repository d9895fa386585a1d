# SPDX-License-Identifier: MIT
"""`OnDemandNetwork`: puts a relay into a device's network when a test first asks for it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

from espbench.errors import NotRunning
from espbench.netem.attach import attach
from espbench.netem.network import SEED, Network
from espbench.qemu.qmp import Qmp

__all__ = ["OnDemandNetwork"]


class OnDemandNetwork:
    """The network of one run of a device, which pays for a relay only once it is used."""

    def __init__(
        self, name: str, qmp: Callable[[], Qmp | None], note: Callable[..., object]
    ) -> None:
        """Attach nothing yet.

        Args:
            name: the device's, for messages.
            qmp: returns the monitor of the QEMU that runs, if one does.
            note: is told of every change, by name and keywords.
        """
        self._name = name
        self._qmp = qmp
        self._note = note
        self._lock = threading.Lock()
        self._closed = False
        self.used: Network | None = None
        """The network, if a test used it."""

    def get(self) -> Network:
        """Return the network; the first call puts the relay there.

        Raises:
            NotRunning: the device does not run.
            QmpError: QEMU refused it or did not answer.
        """
        with self._lock:
            qmp = None if self._closed else self._qmp()
            if qmp is None:
                raise NotRunning(f"{self._name} is not running: start it first.")
            if self.used is None:
                self._note("network", seed=SEED)
                self.used = attach(qmp, functools.partial(self._note, "network"))
            return self.used

    def mend(self) -> None:
        """End all impairments, and restart the random numbers from their seed."""
        network = self.used
        if network is None or network.closed:
            return
        if not network.whole:
            network.clear()
        network.reseed()

    def close(self) -> None:
        """End the relay; there is no network any more."""
        with self._lock:
            self._closed = True
            if self.used is not None:
                self.used.close()
