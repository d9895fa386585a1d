# SPDX-License-Identifier: MIT
"""The pytest plugin: fixtures for booted devices, and evidence of what made a test fail.

Each session of a project that has espbench installed loads this module. A session that uses nothing
of espbench pays for it and for `options`, and for nothing else: what is imported, registered or
claimed waits for an option, an ini setting, a fixture or a marker of espbench's.
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
    from espbench.plugin.devices import DeviceFactory
    from espbench.plugin.session import Session
    from espbench.prefetch.predictor import Options


# -------------------------------------------------------------------- activation

_SESSION = pytest.StashKey["Session"]()
_STARTED = pytest.StashKey[bool]()
_SPARING = pytest.StashKey["Sparing"]()
FIXTURES = frozenset(
    {"board", "firmware", "device", "device_factory", "shared_device", "shared_dut"}
)
"""What tests take from this plugin."""


def __getattr__(name: str) -> object:
    """Import the type of a fixture when somebody asks for it (PEP 562)."""
    if name != "DeviceFactory":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from espbench.plugin.devices import DeviceFactory

    return DeviceFactory


def active(config: pytest.Config) -> Session | None:
    """Return the session, if it uses espbench."""
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
        from espbench.plugin import ours

        if any(ours.would_take(item, name) for name in names):
            return True
    return not duts.isdisjoint(getattr(item, "fixturenames", ()))


# -------------------------------------------------------------------- session


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    options.add(parser)


def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> None:
    """Prepare for the options' earlier names, those of `addopts` included."""
    options.explain_renamed(parser, args)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Prepare the plugins beside this one before they are configured."""
    has = config.pluginmanager.hasplugin
    sharded = config.getoption("--espbench-shard") is not None
    if sharded or (has("labgrid") and has("pytest_embedded")):
        from espbench.errors import ConfigError
        from espbench.plugin import conflicts as neighbours
        from espbench.suites import sharding as shard

        try:
            neighbours.check(config)
            shard.apply(config)
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers, and start if options or ini settings ask for something."""
    config.addinivalue_line(
        "markers",
        "device(files=None, args=None, forwards=None, **options): what the test's device starts "
        "with; keyword arguments of espbench.Device, merged from module, class and function",
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
    """Register what overrides fixtures of pytest-embedded, whose plugin is there by now."""
    from espbench.embedded import fixtures, idle

    config.stash[_SPARING] = idle.Sparing()

    def embedded() -> EmbeddedPlugin:
        found = activate(config).embedded
        assert found is not None, "a session with pytest-embedded's options has it"
        return found

    config.stash[fixtures.PROVIDER] = embedded
    config.pluginmanager.register(fixtures, "espbench-embedded-fixtures")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End whatever still runs."""
    if session := active(config):
        session.close()
    if session or getattr(config.option, "tx", None):
        from espbench.plugin import evidence_folder

        evidence_folder.release(config)


def pytest_report_header(config: pytest.Config) -> list[str] | None:
    """Say which board it is, when that is known before collection."""
    session = active(config)
    config.stash[_STARTED] = session is not None
    return session.header() if session else None


def pytest_report_collectionfinish(config: pytest.Config) -> list[str] | None:
    """Say which board it is, when the tests decided that there is one."""
    session = active(config)
    return session.header() if session and not config.stash.get(_STARTED, True) else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let the workers of pytest-xdist write where their session does.

    They start before anybody knows the tests, and cannot ask later: so the folder is claimed.
    """
    from espbench.plugin import evidence_folder

    node.workerinput[evidence_folder.INPUT] = str(evidence_folder.claim(node.config))


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Spare a function pytest-embedded's fixtures, before one of them makes several tests of it."""
    sparing: Sparing | None = metafunc.config.stash.get(_SPARING, None)
    if sparing is not None:
        sparing.spare(metafunc.definition)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start if a test uses something of espbench, and skip what this board is not for."""
    if sparing := config.stash.get(_SPARING, None):
        for item in items:
            sparing.spare(item)
    embedded = DUTS if services(config) is not None else frozenset()
    if any(_takes(item, embedded) for item in items):
        activate(config)
    marked = [(item, marker) for item in items if (marker := item.get_closest_marker("boards"))]
    if marked:
        from espbench.plugin.ours import skip_other_boards

        skip_other_boards(config, marked, FIXTURES)


# -------------------------------------------------------------------- fixtures


@pytest.fixture(scope="session")
def board(pytestconfig: pytest.Config) -> Board:
    """Return the board that is emulated."""
    return activate(pytestconfig).board


@pytest.fixture(scope="session")
def firmware(pytestconfig: pytest.Config, board: Board) -> Path:
    """Return the firmware's path; espbench's own is built when none is named."""
    from espbench.plugin.settings import chosen_firmware

    return chosen_firmware(pytestconfig, board)


@pytest.fixture
def device_options() -> Options:
    """Return options for `device` and `device_factory`: override this to compute them."""
    return {}


@pytest.fixture(scope="module")
def shared_device_options() -> Options:
    """Return options for `shared_device`: override this to compute them."""
    return {}


@pytest.fixture
def device_factory(
    request: pytest.FixtureRequest, board: Board, device_options: Options
) -> Iterator[DeviceFactory]:
    """Return a function that boots devices, which end with the test."""
    from espbench.plugin.devices import factory

    with factory(activate(request.config), request, board, device_options) as make:
        yield make


@pytest.fixture
def device(request: pytest.FixtureRequest, device_factory: DeviceFactory) -> Device:
    """Return a freshly booted device of the test's own: the machine below its dut."""
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
    """Return a device that all tests of the module share, for those that change nothing."""
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
            "There is no dut without pytest-embedded's plugin: leave out -p no:pytest_embedded."
        )
    return embedded.shared_dut(request.node, shared_device)


# -------------------------------------------------------------------- tests


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """End the session before its first test when no test could boot a device."""
    own = active(session.config)
    if own is None or session.testsfailed or session.config.option.collectonly:
        return None
    from espbench.plugin import needs

    return None if needs.met(own, session) else True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, object, object]:
    """Remember what comes next."""
    if session := active(item.config):
        session.look_ahead(item, nextitem)
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Start a shared device again when the test before made it panic or end."""
    if session := active(item.config):
        session.revive()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Make every network whole before fixtures look at what the test left behind."""
    if session := active(item.config):
        session.reset_networks()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run the test; when its device panicked, that is what failed, not a client's time-out."""
    if session := active(item.config):
        from espbench.plugin import failures

        return (yield from failures.run(session, item))
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Save evidence while the devices are still there, and name its folder in the report."""
    report = yield
    if session := active(item.config):
        from espbench.plugin import failures

        failures.tell(session, item, report)
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say in a few lines what broke, for those who read nothing but the end."""
    if active(config):
        from espbench.plugin import failures

        suites = config.pluginmanager.hasplugin("espbench-suites")
        failures.tell_skips(terminalreporter, all_of_them=suites)
        failures.summarize(terminalreporter)


__all__ = ["FIXTURES", "DeviceFactory", "activate", "active"]
