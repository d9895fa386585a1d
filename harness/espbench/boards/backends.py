# SPDX-License-Identifier: MIT
"""How a board's firmware is built, as data: `MakeBackend` and `IdfBackend`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from espbench.util.renamed import renamed

__all__ = ["IdfBackend", "MakeBackend"]


@dataclass(frozen=True)
class MakeBackend:
    """The Makefile of the port named after the board, with the system's cross toolchain."""


@dataclass(frozen=True)
class IdfBackend:
    """MicroPython's esp32 port, with ESP-IDF's tools.

    Attributes:
        target: ESP-IDF's name of the chip.
        folder: folder of the board definition, below firmware/boards.
    """

    target: str
    folder: str


if not TYPE_CHECKING:
    __getattr__ = renamed(__name__, {"IdfWay": "IdfBackend", "MakeWay": "MakeBackend"})
