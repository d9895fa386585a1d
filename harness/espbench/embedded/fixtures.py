# SPDX-License-Identifier: MIT
"""The fixtures of pytest-embedded that espbench overrides.

pytest takes the fixture of the plugin that was registered last. This module is registered after
pytest-embedded's, in each session that has it, so it imports nothing but pytest; a conftest.py of
the project still has the last word. Each fixture does what pytest-embedded's does unless the duts
of the test are in QEMU.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from espbench.embedded.services import SERVICE

if TYPE_CHECKING:
    from espbench.embedded.plugin import EmbeddedPlugin

PROVIDER = pytest.StashKey[Callable[[], "EmbeddedPlugin"]]()
"""Returns what the session knows of its duts; the session uses espbench from then on."""
KNOWN = frozenset({"base", "idf", "nuttx", SERVICE})
"""The services whose duts print nothing but what their QEMU prints."""
MAXREAD = 1 << 20
"""Bytes that `expect` reads at a time: with pytest-embedded's 2000, pieces end within lines."""


Request = pytest.FixtureRequest


@pytest.fixture(scope="session")
def _mp_manager() -> Iterator[Any]:
    """Return what makes queues in another process, which starts with the first of them."""
    from espbench.embedded.manager import Manager

    manager = Manager()
    manager.publish()
    yield manager
    manager.shutdown()


@pytest.fixture(scope="session")
def _stdout_lock() -> Any:
    """Return the lock of the processes that print; it is made when the first of them starts."""
    from pytest_embedded.dut_factory import set_stdout_lock

    from espbench.embedded.manager import Lock

    lock = Lock()
    set_stdout_lock(lock)
    return lock


@pytest.fixture
def msg_queue(request: Request, _services: Any) -> Iterator[Any]:
    """Return what takes what a dut prints; for duts in QEMU it is in this process."""
    if not _ours(request, _services):
        yield request.getfixturevalue("msg_queue")
        return
    from espbench.embedded.log import Log

    logs = [Log() for _ in _each(request, _services)]
    try:
        yield _value(request, logs)
    finally:
        for log in logs:
            log.close()


@pytest.fixture
def _listener(request: Request, _services: Any, msg_queue: Any) -> Any:
    """Write and show what a dut prints; no process is needed for that."""
    if not _ours(request, _services):
        return request.getfixturevalue("_listener")
    from espbench.embedded.log import Show

    paths = _each(request, request.getfixturevalue("_pexpect_logfile"))
    stamped = _each(request, request.getfixturevalue("with_timestamp"))
    names = [f"dut-{index}" for index in range(len(paths))] if len(paths) > 1 else [""]
    logs = _each(request, msg_queue)
    for log, path, stamp, name in zip(logs, paths, stamped, names, strict=True):
        log.open(Path(path), Show(stamped=stamp is None or bool(stamp), name=name))
    return None


@pytest.fixture
def _pexpect_fr(request: Request, _services: Any, _listener: Any) -> Iterator[Any]:
    """Return a file that pexpect holds open; a log is not read from one."""
    if not _ours(request, _services):
        yield request.getfixturevalue("_pexpect_fr")
        return
    with contextlib.ExitStack() as files:
        opened = [
            files.enter_context(Path(os.devnull).open("rb")) for _ in _each(request, _services)
        ]
        yield _value(request, opened)


@pytest.fixture
def pexpect_proc(request: Request, _services: Any, msg_queue: Any, _pexpect_fr: Any) -> Any:
    """Return what `expect` runs on."""
    if not _ours(request, _services):
        processes = request.getfixturevalue("pexpect_proc")
        for process, services in zip(
            _each(request, processes), _each(request, _services), strict=True
        ):
            process.maxread = MAXREAD if SERVICE in services else process.maxread
        return processes
    from espbench.embedded.log import LogProcess

    pairs = zip(_each(request, _pexpect_fr), _each(request, msg_queue), strict=True)
    return _value(request, [LogProcess(file, log, MAXREAD) for file, log in pairs])


@pytest.fixture
def _fixture_classes_and_options(request: Request, _fixture_classes_and_options: Any) -> Any:
    """Return pytest-embedded's choice of classes, with espbench's for a dut in QEMU."""
    for choice in _each(request, _fixture_classes_and_options):
        if SERVICE in choice.classes:
            request.config.stash[PROVIDER]().choose(choice)
    return _fixture_classes_and_options


def _ours(request: Request, services: Any) -> bool:
    """Return whether all duts of a test are in QEMU, on machines of espbench's."""
    several = _each(request, services)
    if not all(SERVICE in one and KNOWN.issuperset(one) for one in several):
        return False
    return request.config.stash[PROVIDER]().provides


def _each(request: Request, value: Any) -> list[Any]:
    """Return the value of a fixture for each dut; with several, pytest-embedded joins them."""
    return list(value) if _several(request) else [value]


def _value(request: Request, values: list[Any]) -> Any:
    """Return the value of a fixture from those for each dut."""
    return values if _several(request) else values[0]


def _several(request: Request) -> bool:
    return isinstance(request.getfixturevalue("dut_total"), tuple)
