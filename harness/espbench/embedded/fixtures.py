# SPDX-License-Identifier: MIT
"""The fixtures of pytest-embedded that espbench overrides.

pytest uses the fixture of the plugin that was registered last, and this module is registered after
pytest-embedded's plugin. A conftest.py of the project can still override both. Every session with
pytest-embedded imports this module, so it imports only pytest. Each fixture behaves like
pytest-embedded's unless the duts of the test are in QEMU.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from espbench.embedded.services import MAXREAD, SERVICE, SUITES, in_qemu

if TYPE_CHECKING:
    from espbench.embedded.plugin import EmbeddedPlugin

PROVIDER = pytest.StashKey[Callable[[], "EmbeddedPlugin"]]()
"""Returns the session's `EmbeddedPlugin`, and activates espbench."""


Request = pytest.FixtureRequest


@pytest.fixture(scope="session")
def _mp_manager() -> Iterator[Any]:
    """Return a manager of queues in another process, which starts with the first queue."""
    from espbench.embedded.manager import Manager

    manager = Manager()
    manager.publish()
    yield manager
    manager.shutdown()


@pytest.fixture(scope="session")
def _stdout_lock() -> Any:
    """Return the lock of the processes that print; it is created when the first one starts."""
    from pytest_embedded.dut_factory import set_stdout_lock

    from espbench.embedded.manager import Lock

    lock = Lock()
    set_stdout_lock(lock)
    return lock


@pytest.fixture(scope="session")
def session_tempdir(session_tempdir: str) -> Iterator[str]:
    """Return the folder of pytest-embedded's logs, and remove it if it stays empty."""
    yield session_tempdir
    with contextlib.suppress(OSError):
        Path(session_tempdir).rmdir()


@pytest.fixture
def embedded_services(request: Request, embedded_services: Any) -> Any:
    """Return the requested services; espbench's own suites always have theirs."""
    if not embedded_services and request.config.pluginmanager.hasplugin("espbench-embedded"):
        from espbench.firmware import source_tree

        return SUITES if request.node.path.is_relative_to(source_tree.root()) else None
    return embedded_services


@pytest.fixture
def msg_queue(request: Request, _services: Any) -> Iterator[Any]:
    """Return the queue of a dut's output; for duts in QEMU it is a log in this process."""
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
    """Write and show a dut's output, without another process."""
    if not _ours(request, _services):
        return request.getfixturevalue("_listener")
    from espbench.embedded.log import Show

    paths = _each(request, request.getfixturevalue("_pexpect_logfile"))
    logs = _each(request, msg_queue)
    if not _takes_dut(request):
        for log, path in zip(logs, paths, strict=True):
            log.open_when_read(Path(path))
        return None
    stamped = _each(request, request.getfixturevalue("with_timestamp"))
    names = [f"dut-{index}" for index in range(len(paths))] if len(paths) > 1 else [""]
    for log, path, stamp, name in zip(logs, paths, stamped, names, strict=True):
        log.open(Path(path), Show(stamped=stamp is None or bool(stamp), name=name))
    return None


@pytest.fixture
def _pexpect_fr(request: Request, _services: Any, _listener: Any) -> Iterator[Any]:
    """Return an open file, which pexpect requires; a log is not read from a file."""
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
    """Return the process that `expect` reads from."""
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
    """Return pytest-embedded's classes, with espbench's for a dut in QEMU."""
    parameters = _each(request, request.getfixturevalue("parametrize_fixtures"))
    choices = _each(request, _fixture_classes_and_options)
    for choice, known in zip(choices, parameters, strict=True):
        if SERVICE in choice.classes:
            request.config.stash[PROVIDER]().choose(request, choice, known)
    return _fixture_classes_and_options


# At teardown, pytest-embedded's own `qemu` and `dut` search all objects of the process for
# references to them, which takes 24 ms each in a small suite.


@pytest.fixture
def qemu(
    request: Request, _services: Any, _fixture_classes_and_options: Any, app: Any
) -> Iterator[Any]:
    """Return the machines, which end with the test."""
    if not _ours(request, _services):
        yield request.getfixturevalue("qemu")
        return
    from pytest_embedded.dut_factory import qemu_gn

    choices, apps = _each(request, _fixture_classes_and_options), _each(request, app)
    with contextlib.ExitStack() as ends:
        made = []
        for choice, each in zip(choices, apps, strict=True):
            made.append(qemu_gn(choice, each))
            ends.callback(made[-1].kill)
            ends.callback(made[-1].terminate)
        yield _value(request, made)


@pytest.fixture
def dut(
    request: Request, _services: Any, _fixture_classes_and_options: Any, app: Any, qemu: Any
) -> Iterator[Any]:
    """Return the duts."""
    if not _ours(request, _services):
        yield request.getfixturevalue("dut")
        return
    from pytest_embedded.dut_factory import dut_gn

    values = (_each(request, value) for value in (_fixture_classes_and_options, app, qemu))
    with contextlib.ExitStack() as ends:
        made = []
        for choice, application, machine in zip(*values, strict=True):
            made.append(dut_gn(choice, None, None, application, None, machine, None))
            ends.callback(made[-1].close)
        yield _value(request, made)


@pytest.fixture
def app_path(request: Request, test_file_path: str) -> Any:
    """Return the path of the app, without recording it in JUnit XML for a test without a dut.

    pytest-embedded records it for each test, and pytest warns about that each time.
    """
    given = "app_path" in getattr(getattr(request.node, "callspec", None), "params", {})
    if given or request.config.getoption("app_path") or _takes_dut(request) or _several(request):
        return request.getfixturevalue("app_path")
    return str(Path(test_file_path).parent)


def _takes_dut(request: Request) -> bool:
    """Return whether a test uses a dut, or a fixture that requires one."""
    return "_fixture_classes_and_options" in request.node.fixturenames


def _ours(request: Request, services: Any) -> bool:
    """Return whether all duts of a test are in QEMU, on espbench's machines."""
    if not all(in_qemu(one) for one in _each(request, services)):
        return False
    return request.config.stash[PROVIDER]().provides


def _each(request: Request, value: Any) -> list[Any]:
    """Return the value of a fixture for each dut; for several, pytest-embedded has a tuple."""
    return list(value) if _several(request) else [value]


def _value(request: Request, values: list[Any]) -> Any:
    """Return the value of a fixture, given its values for each dut."""
    return values if _several(request) else values[0]


def _several(request: Request) -> bool:
    return isinstance(request.getfixturevalue("dut_total"), tuple)
