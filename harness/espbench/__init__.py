"""espbench: an ESP32 on every developer's bench, emulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espbench.boards import BOARDS, Board
    from espbench.device import Device
    from espbench.errors import EspbenchError
    from espbench.heap import HeapInfo
    from espbench.panic import Panic
    from espbench.readiness import ConsoleReadiness, HttpReadiness, ListeningReadiness
else:
    _MODULES = {
        "BOARDS": "boards",
        "Board": "boards",
        "ConsoleReadiness": "readiness",
        "Device": "device",
        "EspbenchError": "errors",
        "HeapInfo": "heap",
        "HttpReadiness": "readiness",
        "ListeningReadiness": "readiness",
        "Panic": "panic",
    }

    def __getattr__(name):
        """Import what is asked for (PEP 562): every pytest of a project imports this package."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

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

__version__ = "0.1.0"
