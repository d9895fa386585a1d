"""Which way a board's firmware is built, as data; the work is in `build_make` and `build_idf`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from espbench.firmware.build import Builder


class Way(Protocol):
    """A kind of build, with what is special to one board."""

    def builder(self) -> Builder:
        """Return what builds; imported only now, because a boot needs none of it."""


@dataclass(frozen=True)
class MakeWay:
    """The Makefile in the board's own folder, with cross tools of the system."""

    def builder(self) -> Builder:
        """Return what builds."""
        from espbench.firmware.make_backend import MakeBuilder

        return MakeBuilder()


@dataclass(frozen=True)
class IdfWay:
    """MicroPython's esp32 port, with ESP-IDF's own tools.

    Attributes:
        target: ESP-IDF's name of the chip.
        folder: of the board definition, below firmware/boards.
    """

    target: str
    folder: str

    def builder(self) -> Builder:
        """Return what builds."""
        from espbench.firmware.idf_backend import IdfBuilder

        return IdfBuilder(self)
