# SPDX-License-Identifier: MIT
"""espbench: an ESP32 on every developer's bench, emulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espbench.boards.board import Board
    from espbench.boards.builtin import BOARDS
    from espbench.boards.readiness import ConsoleReadiness, HttpReadiness, ListeningReadiness
    from espbench.crash.panic import Panic
    from espbench.device.device import Device
    from espbench.device.memory.heap_info import HeapInfo
    from espbench.errors import EspbenchError
    from espbench.util.version import __version__ as __version__
else:
    _MODULES = {
        "BOARDS": "boards.builtin",
        "Board": "boards.board",
        "ConsoleReadiness": "boards.readiness",
        "Device": "device.device",
        "EspbenchError": "errors",
        "HeapInfo": "device.memory.heap_info",
        "HttpReadiness": "boards.readiness",
        "ListeningReadiness": "boards.readiness",
        "Panic": "crash.panic",
        "__version__": "util.version",
    }

    def __getattr__(name):
        """Import a public name on first use (PEP 562): pytest imports this package each time."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        if name == "Device":
            # A script's device finds out what a firmware serves that is not espbench's.
            import_module(f"{__name__}.check.target.found").find_by_default()
        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value


__all__ = [
    "BOARDS",
    "Board",
    "ConsoleReadiness",
    "Device",
    "EspbenchError",
    "HeapInfo",
    "HttpReadiness",
    "ListeningReadiness",
    "Panic",
]
