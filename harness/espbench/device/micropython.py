# SPDX-License-Identifier: MIT
"""`MicroPython`: runs Python source on a device without its network, one request at a time."""

from __future__ import annotations

import threading
from typing import Any

from espbench.device.console.control import ControlClient, encode_source
from espbench.errors import ControlTimeout
from espbench.util.timeouts import Deadline

__all__ = ["MicroPython"]


class MicroPython:
    """The interpreter of a running device; safe to use from several threads, which take turns."""

    def __init__(self, name: str, control: ControlClient) -> None:
        """Use a control channel.

        Args:
            name: the device's, for messages.
            control: the guest's control channel.
        """
        self._name = name
        self._control = control
        self._busy = threading.Lock()

    def exec(self, source: str, timeout: float | Deadline = 10.0) -> None:
        """Run Python source in the device's `__main__`; its output goes to the console.

        Raises:
            ControlError: the source raised; the error has the guest's traceback.
            ControlTimeout: it did not end in time, or another thread's source was still running.
        """
        self._request("exec", source, timeout)

    def eval(self, expression: str, timeout: float | Deadline = 10.0) -> Any:
        """Return the value of a Python expression on the device, transferred as JSON.

        Raises:
            ControlError: the expression raised.
            ControlTimeout: it did not end in time, or another thread's source was still running.
        """
        return self._request("eval", expression, timeout)

    def _request(self, verb: str, source: str, timeout: float | Deadline) -> Any:
        deadline = Deadline.of(timeout)
        if not self._busy.acquire(timeout=min(deadline.remaining(), threading.TIMEOUT_MAX)):
            raise ControlTimeout(
                f"Another thread's Python is still running on {self._name} after {verb} waited "
                f"{deadline}: shorten that code, or give this call more time."
            )
        try:
            return self._control.request(verb, encode_source(source), timeout=deadline)
        finally:
            self._busy.release()
