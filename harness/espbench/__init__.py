"""espbench: an ESP32 on every developer's bench, emulated."""

from __future__ import annotations

from espbench.boards import BOARDS, Board
from espbench.device import Device
from espbench.errors import EspbenchError
from espbench.heap import HeapInfo
from espbench.panic import Panic
from espbench.readiness import ConsoleReadiness, HttpReadiness, ListeningReadiness

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
