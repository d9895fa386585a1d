# SPDX-License-Identifier: MIT
"""Checks for emulator and firmware before the first test, and ends a session without them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

import pytest

from espbench.device.device import Device
from espbench.emulator.choice import find_emulator, found_version
from espbench.errors import EspbenchError
from espbench.plugin import fixture_origin
from espbench.plugin.refusal import refuse
from espbench.plugin.session import Session
from espbench.plugin.settings import chosen_firmware, common
from espbench.prefetch.predictor import will_run


def met(session: Session, pytest_session: pytest.Session) -> bool:
    """Return whether the tests can run; if not, a worker of pytest-xdist refuses the session.

    Raises:
        pytest.UsageError: the tests cannot run, and this process is not a worker.
    """
    try:
        _check(session, pytest_session.items)
    except EspbenchError as error:
        refuse(pytest_session, str(error))
        return False
    return True


def _check(session: Session, items: Iterable[pytest.Item]) -> None:
    """Find the emulator, and build and check the firmware, if a test boots a device.

    Raises:
        EspbenchError: something is missing, or the firmware could not be built.
    """
    booting = [item for item in items if will_run(item) and _boots(session, item)]
    if not booting:
        return
    board = session.board
    found_version(board, find_emulator(board))
    # `device_factory` requests `firmware` lazily, so it is not among a test's fixtures.
    if any(fixture_origin.would_take(item, "firmware") for item in booting):
        with _shown(session.config):
            firmware = chosen_firmware(session.config, board)
        Device(**{"board": board, "firmware": firmware, **common(session.config)})


def _boots(session: Session, item: pytest.Item) -> bool:
    """Return whether a test boots the session's board; a dut has its own machine and image."""
    if not fixture_origin.takes(item, "board"):
        return False
    dut = session.embedded is not None and "dut" in getattr(item, "fixturenames", ())
    return fixture_origin.takes(item, "shared_device") or (
        fixture_origin.takes(item, "device_factory") and not dut
    )


@contextlib.contextmanager
def _shown(config: pytest.Config) -> Iterator[None]:
    """Suspend output capturing, because a build takes a minute."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        yield
