# SPDX-License-Identifier: MIT
"""A session that uses espbench: its devices, its pool, and where its evidence goes."""

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
from espbench.plugin import evidence_folder, ours
from espbench.plugin.full_disk import FullDisk
from espbench.plugin.options import setting
from espbench.plugin.settings import (
    chosen_board,
    chosen_firmware,
    common,
    marked,
    named_firmware,
    parse_pool,
    path,
)
from espbench.prefetch.boot_slots import turns, usable_cores
from espbench.prefetch.pool import Pool
from espbench.prefetch.predictor import Forecast, Options, merged

LOOK = 64
"""How many of the next tests are looked at for devices that could boot ahead."""


class Session:
    """What the plugin remembers during a session.

    Attributes:
        config: pytest's.
        board: that is emulated.
        pool: what boots ahead.
        forecast: what the next tests will ask for.
        devices: all that run, for a test or a module, oldest first.
        shared: those of them that belong to a module.
        coming: the tests after the one that runs.
        boot_told: whether a report has brought the moments of a boot.
        embedded: what provides pytest-embedded's duts, where that is installed.
        evidence: where evidence goes.
    """

    def __init__(self, config: pytest.Config) -> None:
        """Check the options, and register what the session needs.

        Raises:
            EspbenchError: an option or ini setting is wrong.
        """
        self.config = config
        self.board = chosen_board(config)
        common(config)
        self.pool = _pool(config, self.board)
        self.forecast = Forecast(lambda: common(config), marked)
        self.devices: list[Device] = []
        self.shared: list[Device] = []
        self.coming: list[pytest.Item] = []
        self.boot_told = False
        self.embedded: EmbeddedPlugin | None = None
        self.evidence = evidence_folder.claim(config)
        _add_suites(config)
        _add_page(config, self.board)
        config.pluginmanager.register(FullDisk(config), "espbench-full-disk")
        if services(config) is not None:
            self.embedded = self._join_embedded()
        _end_on_signals()

    def _join_embedded(self) -> EmbeddedPlugin:
        def options(request: pytest.FixtureRequest, given: bool) -> Options:
            fixture = request.getfixturevalue("device_options") if given else {}
            return merged(common(self.config), fixture, *marked(request.node))

        def own(request: pytest.FixtureRequest) -> tuple[Board, Path]:
            if ours.would_take(request.node, "firmware"):
                return request.getfixturevalue("board"), request.getfixturevalue("firmware")
            return self.board, chosen_firmware(self.config, self.board)

        def named(request: pytest.FixtureRequest) -> bool:
            given = named_firmware(self.config) is not None
            return given or not ours.would_take(request.node, "firmware")

        plugin = EmbeddedPlugin(self.config, options, own, named, self.devices)
        self.config.pluginmanager.register(plugin, "espbench-embedded")
        return plugin

    def close(self) -> None:
        """End whatever still runs, after an error in somebody's teardown for instance."""
        self.pool.close()
        for device in list(self.devices):
            device.close()
        self.devices.clear()

    def header(self) -> list[str]:
        """Say which board it is (`lx60` is no ESP32), and where evidence goes if not as usual."""
        lines = [f"espbench: board {self.board.name}: {self.board.title}"]
        if self.evidence != (usual := evidence_folder.usual(self.config)):
            lines.append(
                f"espbench: another run writes {shown(self.config, str(usual))} now, so this one's "
                f"evidence goes to {shown(self.config, str(self.evidence))}"
            )
        return lines

    def devices_of(self, item: pytest.Item) -> list[Device]:
        """Return the devices that a test uses.

        Its own ones if it has any, because then a module's device belongs to other tests; unless it
        names that too.
        """
        names = getattr(item, "fixturenames", ())
        own = [device for device in self.devices if device not in self.shared]
        return self.devices[:] if not own or "shared_device" in names else own

    def look_ahead(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Remember what comes after a test."""
        self.coming = _coming(item.session, nextitem) if self.pool.size else []

    def boot_ahead(self, item: pytest.Item) -> None:
        """Let the devices of the next tests boot while this one, which has its own, runs."""
        if not self.pool.size:
            return
        for fixture in self.pool.not_taken(item.nodeid):
            self.forecast.was_wrong(item, fixture)
        self.pool.prepare(self.forecast.orders(self.coming, self.pool.size))

    def revive(self) -> None:
        """Start a shared device anew when the test before made it panic or end."""
        for device in self.devices:
            if not device.running or device.panicked():
                device.stop()
                warn_of_recording(device)
                device.start()

    def reset_networks(self) -> None:
        """Make every network whole before fixtures look at what a test left behind."""
        for device in self.devices:
            device.reset_network()


def _pool(config: pytest.Config, board: Board) -> Pool:
    """Return the session's pool; each worker of pytest-xdist has one of its own.

    Raises:
        ConfigError: its size is no number.
    """
    own = hasattr(config, "workerinput")  # a pytest inside of a worker inherits the variables
    workers = int(os.environ["PYTEST_XDIST_WORKER_COUNT"]) if own else 1
    number = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) if own else 0
    text = setting(config, "--espbench-pool", "espbench_pool")
    size = parse_pool(text, board, turns(usable_cores(), workers))
    return Pool(size, worker=number, workers=workers)


def _add_suites(config: pytest.Config) -> None:
    chosen = config.getoption("--espbench-suites") or ""
    names = [name for text in chosen.split(",") if (name := text.strip())]
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


def _end_on_signals() -> None:
    """Let SIGTERM and SIGHUP end pytest as Ctrl-C does: with teardowns, reports and evidence.

    Without this nothing would outlive pytest either (see `launcher`), but files would.
    """

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(f"pytest got {signal.Signals(number).name}")

    for number in (signal.SIGTERM, signal.SIGHUP):
        with contextlib.suppress(ValueError):  # Not in the main thread: somebody embeds pytest.
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, interrupt)


def _coming(session: pytest.Session, nextitem: pytest.Item | None) -> list[pytest.Item]:
    """Return the tests that come next: one is sure, others may be another worker's."""
    if nextitem is None:
        return []
    try:
        first = session.items.index(nextitem)
    except ValueError:
        return [nextitem]
    return session.items[first : first + LOOK]


def warn_of_recording(device: Device) -> None:
    """Say that a recording that was promised is not there."""
    if device.recorder is not None and device.recorder.problem:
        warnings.warn(pytest.PytestWarning(device.recorder.problem), stacklevel=2)
        device.recorder.problem = ""


def shown(config: pytest.Config, text: str) -> str:
    """Return a path as short as people can still use it."""
    here = f"{config.invocation_params.dir}{os.sep}"
    return text.removeprefix(here)
