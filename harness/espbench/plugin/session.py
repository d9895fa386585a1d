# SPDX-License-Identifier: MIT
"""State of a session that uses espbench: its devices, its pool and its evidence folder."""

from __future__ import annotations

import contextlib
import os
import signal
import warnings
from pathlib import Path
from types import FrameType

import pytest

from espbench.boards.board import Board
from espbench.device.device import Device
from espbench.embedded.plugin import EmbeddedPlugin
from espbench.embedded.services import services
from espbench.plugin import fixture_origin, gdb
from espbench.plugin.evidence import folder as evidence_folder
from espbench.plugin.evidence.full_disk import FullDisk
from espbench.plugin.evidence.key_log import KeyLog
from espbench.plugin.options import setting
from espbench.plugin.settings import (
    chosen_board,
    chosen_firmware,
    common,
    marked,
    named_firmware,
    parse_pool,
    path,
    redacts,
)
from espbench.prefetch.boot_slots import turns, usable_cores
from espbench.prefetch.pool import Pool
from espbench.prefetch.predictor import Forecast, Options, merged

CHECKS = "check"
"""The suites that run the checks of `espbench check`."""
LOOK = 64
"""Number of upcoming tests that are searched for devices to boot ahead."""


class Session:
    """State of the plugin during a session.

    Attributes:
        config: the pytest configuration.
        board: the emulated board.
        pool: the devices that boot ahead.
        forecast: predicts the devices of upcoming tests.
        devices: all running devices, of a test or a module, oldest first.
        shared: the running devices of modules.
        coming: the tests after the current one.
        boot_reported: whether a report contains the phases of a boot.
        embedded: provides pytest-embedded's duts, if that is installed.
        evidence: the evidence folder.
        redacts: whether evidence leaves out the device's lasting secrets.
        broken_checks: the evidence of each check that the running test has failed; "" for none.
    """

    def __init__(self, config: pytest.Config) -> None:
        """Check the options, and register the plugins that the session needs.

        Raises:
            EspbenchError: an option or ini setting is wrong.
        """
        self.config = config
        gdb.check(config)
        self.board = chosen_board(config)
        common(config)
        self.redacts = redacts(config)
        self.pool = _pool(config, self.board)
        self.forecast = Forecast(lambda: common(config), marked)
        self.devices: list[Device] = []
        self.shared: list[Device] = []
        self.coming: list[pytest.Item] = []
        self.boot_reported = False
        self.embedded: EmbeddedPlugin | None = None
        self.evidence = evidence_folder.claim(config)
        keeps = config.getoption("--espbench-evidence") != "never"
        self._key_log = KeyLog() if keeps else None
        self.broken_checks: list[str] = []
        _add_suites(config)
        _add_page(config, self.board)
        _add_properties(config, self.board)
        if gdb.wanted(config):
            config.pluginmanager.register(gdb.Patience(), "espbench-gdb")
        config.pluginmanager.register(FullDisk(config), "espbench-full-disk")
        if services(config) is not None:
            self.embedded = self._join_embedded()
        _end_on_signals()

    def _join_embedded(self) -> EmbeddedPlugin:
        def options(request: pytest.FixtureRequest, given: bool) -> Options:
            fixture = request.getfixturevalue("device_options") if given else {}
            return merged(common(self.config), fixture, *marked(request.node))

        def own(request: pytest.FixtureRequest) -> tuple[Board, Path]:
            if fixture_origin.would_take(request.node, "firmware"):
                return request.getfixturevalue("board"), request.getfixturevalue("firmware")
            return self.board, chosen_firmware(self.config, self.board)

        def named(request: pytest.FixtureRequest) -> bool:
            given = named_firmware(self.config) is not None
            return given or not fixture_origin.would_take(request.node, "firmware")

        plugin = EmbeddedPlugin(self.config, options, own, named, self.devices)
        self.config.pluginmanager.register(plugin, "espbench-embedded")
        return plugin

    def close(self) -> None:
        """End all devices that still run, for instance after an error in a teardown."""
        self.pool.close()
        for device in list(self.devices):
            device.close()
        self.devices.clear()
        if self._key_log is not None:
            self._key_log.close()

    def header(self) -> list[str]:
        """Return the board (`lx60` is not an ESP32), and a note if the evidence goes elsewhere."""
        lines = [f"espbench: board {self.board.name}: {self.board.title}"]
        if self.evidence != (usual := evidence_folder.usual(self.config)):
            lines.append(
                f"espbench: another run is using {shown(self.config, str(usual))}, so the evidence "
                f"of this one goes to {shown(self.config, str(self.evidence))}"
            )
        return lines

    def devices_of(self, item: pytest.Item) -> list[Device]:
        """Return the devices that a test uses.

        If it has its own devices, a module's device belongs to other tests, unless it requests
        that too.
        """
        names = getattr(item, "fixturenames", ())
        own = [device for device in self.devices if device not in self.shared]
        return self.devices[:] if not own or "shared_device" in names else own

    def look_ahead(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Record the tests that come after this one."""
        self.coming = _coming(item.session, nextitem) if self.pool.size else []

    def boot_ahead(self, item: pytest.Item) -> None:
        """Boot the devices of the next tests while this one, which has its own, runs."""
        if not self.pool.size:
            return
        for fixture in self.pool.not_taken(item.nodeid):
            self.forecast.was_wrong(item, fixture)
        self.pool.prepare(self.forecast.orders(self.coming, self.pool.size))

    def revive(self) -> None:
        """Restart a shared device that panicked or ended in the previous test."""
        for device in self.devices:
            if not device.running or device.panicked():
                device.stop()
                warn_of_recording(device)
                device.start()

    def reset_networks(self) -> None:
        """Undo network faults before fixtures check the state that a test left."""
        for device in self.devices:
            device.reset_network()


def _pool(config: pytest.Config, board: Board) -> Pool:
    """Return the session's pool; each worker of pytest-xdist has its own.

    Raises:
        ConfigError: its size is not a number.
    """
    if gdb.wanted(config):
        return Pool(0)  # a device that boots ahead would be offered to gdb too early
    own = hasattr(config, "workerinput")  # a pytest started by a worker inherits the variables
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"]) if own else 1
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) if own else 0
    text = setting(config, "--espbench-pool", "espbench_pool")
    size = parse_pool(text, board, turns(usable_cores(), workers))
    return Pool(size, worker=number, workers=workers)


def _add_suites(config: pytest.Config) -> None:
    chosen = config.getoption("--espbench-suites") or ""
    names = [name for text in chosen.split(",") if (name := text.strip())]
    if config.getoption("--espbench-check"):
        names.append(CHECKS)
        if not hasattr(config, "workerinput"):
            from espbench.plugin.bundled_suites import ChecksApply

            config.pluginmanager.register(ChecksApply(), "espbench-checks-apply")
    if names or config.getoption("--espbench"):
        from espbench.plugin.bundled_suites import ShippedSuites

        suites = ShippedSuites(config, names or ["smoke"])
        config.pluginmanager.register(suites, "espbench-suites")


def _add_page(config: pytest.Config, board: Board) -> None:
    named = config.getoption("--espbench-report")
    if named and not hasattr(config, "workerinput"):
        from espbench.plugin.html_report import SessionPage

        page = SessionPage(
            path(config, named), board, named_firmware(config), config.invocation_params.dir
        )
        config.pluginmanager.register(page, "espbench-page")


def _add_properties(config: pytest.Config, board: Board) -> None:
    if getattr(config.option, "xmlpath", None) and not hasattr(config, "workerinput"):
        from espbench.plugin.evidence.junit_properties import JunitProperties

        it = JunitProperties(board, named_firmware(config))
        config.pluginmanager.register(it, "espbench-junit-properties")


def _end_on_signals() -> None:
    """Handle SIGTERM and SIGHUP like Ctrl-C: with teardowns, reports and evidence.

    Without this no process would outlive pytest (see `launcher`), but temporary files would.
    """

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(f"pytest got {signal.Signals(number).name}")

    for number in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError):  # not in the main thread: pytest is embedded
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, interrupt)


def _coming(session: pytest.Session, nextitem: pytest.Item | None) -> list[pytest.Item]:
    """Return the next tests: the first is certain, others may go to another worker."""
    if nextitem is None:
        return []
    try:
        first = session.items.index(nextitem)
    except ValueError:
        return [nextitem]
    return session.items[first : first + LOOK]


def warn_of_recording(device: Device) -> None:
    """Warn about a recording that could not be made."""
    if device.recorder is not None and device.recorder.problem:
        warnings.warn(pytest.PytestWarning(device.recorder.problem), stacklevel=2)
        device.recorder.problem = ""


def shown(config: pytest.Config, text: str) -> str:
    """Return a path relative to the folder where pytest was started, if it is below it."""
    here = f"{config.invocation_params.dir}{os.sep}"
    return text.removeprefix(here)
