# SPDX-License-Identifier: MIT
"""`OnDemandNetwork`: inserts a relay into a device's network at the first use by a test."""

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
    """The network of one run of a device, without a relay until it is used."""

    def __init__(
        self, name: str, qmp: Callable[[], Qmp | None], note: Callable[..., object]
    ) -> None:
        """Attach nothing yet.

        Args:
            name: name of the device, for messages.
            qmp: returns the monitor of the running QEMU, or None.
            note: called with every change, by name and keywords.
        """
        self._name = name
        self._qmp = qmp
        self._note = note
        self._lock = threading.Lock()
        self._closed = False
        self.used: Network | None = None
        """The network, if a test has used it."""

    def get(self) -> Network:
        """Return the network; the first call inserts the relay.

        Raises:
            NotRunning: the device is not running.
            QmpError: QEMU refused a command or did not respond.
        """
        with self._lock:
            qmp = None if self._closed else self._qmp()
            if qmp is None:
                raise NotRunning(f"{self._name} is not running: start it first.")
            if self.used is None:
                self._note("network", seed=SEED)
                self.used = attach(qmp, functools.partial(self._note, "network"))
            return self.used

    def reset(self) -> None:
        """End all impairments, and restart the random numbers from their seed."""
        network = self.used
        if network is None or network.closed:
            return
        if not network.whole:
            network.clear()
        network.reseed()

    def close(self) -> None:
        """End the relay and the network."""
        with self._lock:
            self._closed = True
            if self.used is not None:
                self.used.close()
