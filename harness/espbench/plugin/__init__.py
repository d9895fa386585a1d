# SPDX-License-Identifier: MIT
"""The pytest plugin: hooks, fixtures for booted devices, and evidence of failures.

Every pytest session in an environment with espbench loads this module. A session that does not use
espbench imports only this module and `options`; all other imports, registrations and locks wait
until it uses an option, ini setting, fixture or marker of espbench.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from espbench.embedded.services import DUTS, services
from espbench.plugin import options

if TYPE_CHECKING:
    from pathlib import Path

    from espbench.boards.board import Board
    from espbench.device.device import Device
    from espbench.embedded.idle import Sparing
    from espbench.embedded.plugin import EmbeddedPlugin
    from espbench.plugin.checks import RunCheck
    from espbench.plugin.devices import DeviceFactory
    from espbench.plugin.session import Session
    from espbench.prefetch.predictor import Options


# -------------------------------------------------------------------- activation

_SESSION = pytest.StashKey["Session"]()
_STARTED = pytest.StashKey[bool]()
_SPARING = pytest.StashKey["Sparing"]()
FIXTURES = frozenset(
    {"board", "firmware", "device", "device_factory", "shared_device", "shared_dut", "run_check"}
)
"""Fixtures of this plugin."""


def __getattr__(name: str) -> object:
    """Import the type of a fixture on first use (PEP 562)."""
    if name != "DeviceFactory":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from espbench.plugin.devices import DeviceFactory

    return DeviceFactory


def active(config: pytest.Config) -> Session | None:
    """Return the session if it uses espbench, or None."""
    return config.stash.get(_SESSION, None)


def activate(config: pytest.Config) -> Session:
    """Return the session, which uses espbench from now on.

    Raises:
        pytest.UsageError: an option or ini setting is wrong.
    """
    session = active(config)
    if session is None:
        from espbench.errors import EspbenchError
        from espbench.plugin.session import Session

        try:
            session = config.stash[_SESSION] = Session(config)
        except EspbenchError as error:
            raise pytest.UsageError(str(error)) from None
    return session


def _takes(item: pytest.Item, duts: frozenset[str]) -> bool:
    names = FIXTURES.intersection(getattr(item, "fixturenames", ()))
    if names:
        from espbench.plugin import fixture_origin

        if any(fixture_origin.would_take(item, name) for name in names):
            return True
    return not duts.isdisjoint(getattr(item, "fixturenames", ()))


# -------------------------------------------------------------------- session


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options and ini settings."""
    options.add(parser)


def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> None:
    """Prepare hints for renamed options, including those in `addopts`."""
    options.explain_renamed(parser, args)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Resolve conflicts with other plugins before they are configured."""
    has = config.pluginmanager.hasplugin
    sharded = config.getoption("--espbench-shard") is not None
    if sharded or (has("labgrid") and has("pytest_embedded")):
        from espbench.errors import ConfigError
        from espbench.plugin import conflicts
        from espbench.suites import sharding as shard

        try:
            conflicts.check(config)
            shard.apply(config)
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, and activate espbench if options or ini settings ask for it."""
    config.addinivalue_line(
        "markers",
        "device(files=None, args=None, forwards=None, **options): options of the test's device: "
        "keyword arguments of espbench.Device, merged from module, class and function",
    )
    config.addinivalue_line("markers", "boards(*names): the test needs one of these boards")
    if getattr(config.option, "tx", None):
        from espbench.plugin.workers import Workers

        config.pluginmanager.register(Workers(lambda: activate(config)), "espbench-workers")
    if services(config) is not None:
        _override_fixtures(config)
    if options.asked(config):
        activate(config)


def _override_fixtures(config: pytest.Config) -> None:
    """Register overrides for fixtures of pytest-embedded, whose plugin is registered by now."""
    from espbench.embedded import fixtures, idle

    config.stash[_SPARING] = idle.Sparing()

    def embedded() -> EmbeddedPlugin:
        found = activate(config).embedded
        assert found is not None, "the session has pytest-embedded's options"
        return found

    config.stash[fixtures.PROVIDER] = embedded
    config.pluginmanager.register(fixtures, "espbench-embedded-fixtures")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End all running devices and release the evidence folder."""
    if session := active(config):
        session.close()
    if session or getattr(config.option, "tx", None):
        from espbench.plugin.evidence import folder as evidence_folder

        evidence_folder.release(config)


def pytest_report_header(config: pytest.Config) -> list[str] | None:
    """Report the board, if it is known before collection."""
    session = active(config)
    config.stash[_STARTED] = session is not None
    return session.header() if session else None


def pytest_report_collectionfinish(config: pytest.Config) -> list[str] | None:
    """Report the board, if the collected tests activated espbench."""
    session = active(config)
    return session.header() if session and not config.stash.get(_STARTED, True) else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Pass the evidence folder to a worker of pytest-xdist.

    Workers start before collection and cannot ask later, so the folder is claimed now.
    """
    from espbench.plugin.evidence import folder as evidence_folder

    node.workerinput[evidence_folder.INPUT] = str(evidence_folder.claim(node.config))


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Remove pytest-embedded's unused fixtures before one of them parametrizes the function."""
    sparing: Sparing | None = metafunc.config.stash.get(_SPARING, None)
    if sparing is not None:
        sparing.spare(metafunc.definition)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Activate espbench if a test uses it, and skip tests for other boards."""
    if sparing := config.stash.get(_SPARING, None):
        for item in items:
            sparing.spare(item)
    embedded = DUTS if services(config) is not None else frozenset()
    if any(_takes(item, embedded) for item in items):
        activate(config)
    marked = [(item, marker) for item in items if (marker := item.get_closest_marker("boards"))]
    if marked:
        from espbench.plugin.fixture_origin import skip_other_boards

        skip_other_boards(config, marked, FIXTURES)


# -------------------------------------------------------------------- fixtures


@pytest.fixture(scope="session")
def board(pytestconfig: pytest.Config) -> Board:
    """Return the emulated board."""
    return activate(pytestconfig).board


@pytest.fixture(scope="session")
def firmware(pytestconfig: pytest.Config, board: Board) -> Path:
    """Return the firmware's path; espbench's own firmware is built if none is given."""
    from espbench.plugin.settings import chosen_firmware

    return chosen_firmware(pytestconfig, board)


@pytest.fixture
def device_options() -> Options:
    """Return options for `device` and `device_factory`; override it to compute them."""
    return {}


@pytest.fixture(scope="module")
def shared_device_options() -> Options:
    """Return options for `shared_device`; override it to compute them."""
    return {}


@pytest.fixture
def device_factory(
    request: pytest.FixtureRequest, board: Board, device_options: Options
) -> Iterator[DeviceFactory]:
    """Return a function that boots devices; they end with the test."""
    from espbench.plugin.devices import factory

    with factory(activate(request.config), request, board, device_options) as make:
        yield make


@pytest.fixture
def device(request: pytest.FixtureRequest, device_factory: DeviceFactory) -> Device:
    """Return a freshly booted device for this test: the machine below its dut, if it has one."""
    embedded = activate(request.config).embedded
    if embedded is None:
        return device_factory()
    if "dut" in request.fixturenames:
        return embedded.device_of(request.getfixturevalue("dut"))
    return embedded.boot(request, device_factory)


@pytest.fixture(scope="module")
def shared_device(
    request: pytest.FixtureRequest, board: Board, firmware: Path, shared_device_options: Options
) -> Iterator[Device]:
    """Return a device shared by all tests of the module, for tests that change nothing."""
    from espbench.plugin.devices import shared

    session = activate(request.config)
    with shared(session, request, board, firmware, shared_device_options) as device:
        yield device


@pytest.fixture(scope="module")
def shared_dut(request: pytest.FixtureRequest, shared_device: Device) -> Any:
    """Return pytest-embedded's dut above `shared_device`, for all tests of the module."""
    embedded = activate(request.config).embedded
    if embedded is None:
        from espbench.errors import ConfigError

        raise ConfigError(
            "shared_dut needs pytest-embedded's plugin: remove -p no:pytest_embedded."
        )
    return embedded.shared_dut(request.node, shared_device)


@pytest.fixture(scope="module")
def run_check(request: pytest.FixtureRequest) -> Iterator[RunCheck]:
    """Return a function that runs a check of `espbench check` by its name, such as "tls.burst".

    The checks of a module share a device, which is replaced when one has spoiled it, and a second
    one, on which the check of the next test begins meanwhile.
    """
    from espbench.plugin import checks

    session = activate(request.config)
    with checks.ahead(session) as under_test:
        yield checks.runner(session, under_test)


# -------------------------------------------------------------------- tests


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """End the session before its first test if no device could boot."""
    own = active(session.config)
    if own is None or session.testsfailed or session.config.option.collectonly:
        return None
    from espbench.plugin import prerequisites

    return None if prerequisites.met(own, session) else True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Record the upcoming tests, whose devices may boot ahead."""
    if session := active(item.config):
        session.look_ahead(item, nextitem)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Restart a shared device that panicked or ended in the previous test."""
    if session := active(item.config):
        session.revive()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Undo network faults before fixtures check the state that the test left."""
    if session := active(item.config):
        session.reset_networks()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run the test; report a panic of its device instead of the client timeout it caused."""
    if session := active(item.config):
        from espbench.plugin import failures

        return (yield from failures.run(session, item))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Save evidence while the devices still exist, and add its folder to the report."""
    report = yield
    if session := active(item.config):
        from espbench.plugin import failures

        failures.save_evidence(session, item, report)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Summarize failures and skipped tests at the end of the output."""
    if active(config):
        from espbench.plugin import failures

        suites = config.pluginmanager.hasplugin("espbench-suites")
        failures.report_skips(terminalreporter, all_of_them=suites)
        failures.summarize(terminalreporter)
        failures.report_flaky(terminalreporter)


__all__ = ["FIXTURES", "DeviceFactory", "activate", "active"]
