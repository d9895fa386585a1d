# SPDX-License-Identifier: MIT
"""Says in JUnit XML what was tested and on what, as properties of the test suite.

A continuous integration keeps that file for long, and a result is worth little without the board,
QEMU and ESP-IDF that it belongs to.
"""

from __future__ import annotations

import contextlib
import platform
import sys
from pathlib import Path

import pytest

# pytest's public fixture `record_testsuite_property` does nothing under pytest-xdist.
from _pytest.junitxml import xml_key

from espbench.boards.board import Board
from espbench.boards.emulators import TITLES
from espbench.emulator.choice import emulator_version, find_emulator
from espbench.errors import EspbenchError
from espbench.firmware import source_tree as tree
from espbench.firmware.build import builder_of
from espbench.firmware.download import sha256_of
from espbench.flash.software import software
from espbench.qemu.process import dotted
from espbench.reporting.history import commit
from espbench.util.version import __version__

__all__ = ["JunitProperties", "properties"]


def properties(board: Board, firmware: Path | None) -> dict[str, str]:
    """Return what was tested and on what, by the names of the properties.

    Args:
        board: the emulated board.
        firmware: the given firmware, or None for espbench's own. If it does not exist, its
            versions are omitted.
    """
    known = {"board": board.name}
    with contextlib.suppress(EspbenchError):
        known[TITLES[board.emulator]] = dotted(emulator_version(board, find_emulator(board)))
    with contextlib.suppress(EspbenchError):
        image = firmware or _own(board)
        if image.is_file():
            known |= software(image)
            known["firmware sha256"] = sha256_of(image)
    return known | {
        "host": _host(),
        "Python": sys.version.split()[0],
        "espbench": __version__,
        "espbench commit": commit(tree.clone()),
    }


def _own(board: Board) -> Path:
    """Return the path of espbench's own firmware, which may not have been built.

    Raises:
        EspbenchError: this espbench came without its sources.
    """
    builder = builder_of(board)
    return builder.job(board, tree.root(), None).out / builder.output


def _host() -> str:
    """Return the operating system and processor, such as Debian GNU/Linux 12 (bookworm) x86_64."""
    system = platform.system()
    with contextlib.suppress(OSError):
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    return f"{system} {platform.machine()}"


class JunitProperties:
    """Adds the properties at the end of the session, before pytest writes the file."""

    def __init__(self, board: Board, firmware: Path | None) -> None:
        """Remember what is tested; for the arguments see `properties`."""
        self._board = board
        self._firmware = firmware

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Add the properties, if pytest writes JUnit XML."""
        if (xml := session.config.stash.get(xml_key, None)) is not None:
            for name, text in properties(self._board, self._firmware).items():
                if text:
                    xml.add_global_property(name, text)
