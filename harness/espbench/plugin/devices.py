# SPDX-License-Identifier: MIT
"""Boots devices for fixtures, or takes them from the pool, and ends them with their owner."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from espbench.boards.board import Board
from espbench.device.device import Device
from espbench.plugin.session import Session, warn_of_recording
from espbench.plugin.settings import common, marked
from espbench.prefetch.predictor import LastUse, Options, merged


class DeviceFactory(Protocol):
    """Boots devices that end with the test."""

    def __call__(self, **options: Any) -> Device:
        """Boot another device; `options` are those of `Device` and override those of markers."""


@contextlib.contextmanager
def factory(
    session: Session, request: pytest.FixtureRequest, board: Board, given: Options
) -> Iterator[DeviceFactory]:
    """Yield a function that boots devices for a test.

    Args:
        session: the session.
        request: the request of the fixture.
        board: the board to boot.
        given: the value of the fixture `device_options`.
    """
    # `make` asks for the firmware: a test whose device is below a dut needs none.
    base = merged(common(request.config), given, *marked(request.node))
    with _owner(session) as own:

        def make(**options: Any) -> Device:
            firmware: Path = request.getfixturevalue("firmware")
            session.forecast.learn(request.node, "device", LastUse(board, firmware, given))
            return own(board, firmware, merged(base, options))

        yield make


@contextlib.contextmanager
def shared(
    session: Session,
    request: pytest.FixtureRequest,
    board: Board,
    firmware: Path,
    given: Options,
) -> Iterator[Device]:
    """Yield the shared device of a module.

    Args:
        session: the session.
        request: the request of the fixture.
        board: the board to boot.
        firmware: the firmware to boot.
        given: the value of the fixture `shared_device_options`.
    """
    node: pytest.Module = request.node
    options = merged(common(session.config), given, *marked(node))
    session.forecast.learn(node, "shared_device", LastUse(board, firmware, given))
    with _owner(session, shared=True) as own:

        def make() -> Device:
            return own(board, firmware, options)

        if session.embedded is None:
            yield make()
        else:
            with session.embedded.shared(request, make) as device:
                yield device


@contextlib.contextmanager
def _owner(
    session: Session, *, shared: bool = False
) -> Generator[Callable[[Board, Path, Options], Device]]:
    """Yield a function that boots devices, and end them with the block."""
    mine: list[Device] = []

    def boot(board: Board, firmware: Path, options: Options) -> Device:
        device = Device(**{"board": board, "firmware": firmware, **options})
        spare = session.pool.take(device)
        if spare is not None:
            device = spare.device
        # Registered before it starts, so that a failed start leaves evidence too.
        mine.append(device)
        session.devices.append(device)
        if shared:
            session.shared.append(device)
        return device.start() if spare is None else spare.hand_over()

    try:
        yield boot
    finally:
        for device in mine:
            device.close()
            warn_of_recording(device)
            session.devices.remove(device)
            if shared:
                session.shared.remove(device)
