"""What the tests of a session need to boot a device is there, or one sentence ends the session."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from espbench.device import Device
from espbench.errors import EspbenchError
from espbench.find_qemu import find_qemu
from espbench.plugin.refusal import refuse
from espbench.plugin.session import Session
from espbench.plugin.settings import chosen_firmware, common
from espbench.pool.forecast import will_run
from espbench.qemu import check_version, qemu_version

HOME = "espbench.plugin"
"""The module with this plugin's fixtures."""


def met(session: Session, pytest_session: pytest.Session) -> bool:
    """Return whether the tests can run; a worker of pytest-xdist refuses them and returns False.

    Raises:
        pytest.UsageError: they cannot, and this process is not a worker.
    """
    try:
        _check(session, pytest_session.items)
    except EspbenchError as error:
        refuse(pytest_session, str(error))
        return False
    return True


def _check(session: Session, items: Iterable[pytest.Item]) -> None:
    """Look for QEMU, build the firmware, and look at it, if some test boots a device with them.

    Raises:
        EspbenchError: something is missing, or the firmware could not be built.
    """
    booting = [item for item in items if will_run(item) and _boots(session, item)]
    if not booting:
        return
    board = session.board
    program = find_qemu(board)
    check_version(board, program, qemu_version(program))
    # `device_factory` asks for it when it boots the first, so it is not among a test's fixtures.
    if any(_would_be_ours(item, "firmware") for item in booting):
        with _shown(session.config):
            firmware = chosen_firmware(session.config, board)
        Device(**{"board": board, "firmware": firmware, **common(session.config)})


def _boots(session: Session, item: pytest.Item) -> bool:
    """Return whether a test boots the session's board; a dut has a machine and image of its own."""
    if not _is_ours(item, "board"):
        return False
    dut = session.embedded is not None and "dut" in getattr(item, "fixturenames", ())
    return _is_ours(item, "shared_device") or (_is_ours(item, "device_factory") and not dut)


def _is_ours(item: pytest.Item, name: str) -> bool:
    """Return whether a test takes this plugin's fixture, and not one that overrides it."""
    return name in getattr(item, "fixturenames", ()) and _would_be_ours(item, name)


def _would_be_ours(item: pytest.Item, name: str) -> bool:
    """Return whether a test would get this plugin's fixture if it asked for it."""
    # pytest tells this in no public way.
    manager: Any = getattr(item.session, "_fixturemanager", None)
    found: Any = manager.getfixturedefs(name, item) if manager is not None else None
    return bool(found) and str(found[-1].func.__module__) == HOME


@contextlib.contextmanager
def _shown(config: pytest.Config) -> Iterator[None]:
    """Let what is printed be seen: a build takes a minute."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        yield
