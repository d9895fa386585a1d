# SPDX-License-Identifier: MIT
"""What is registered beside espbench's own plugin when pytest-embedded is there."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

from espbench.boards.board import Board
from espbench.device.device import Device
from espbench.embedded import compat as fit
from espbench.embedded.duts import Duts
from espbench.embedded.services import services, wanted
from espbench.errors import ConfigError, EspbenchError


class EmbeddedPlugin:
    """Lets the duts of a session be espbench's machines."""

    def __init__(
        self,
        config: pytest.Config,
        options: Callable[[pytest.Item], Mapping[str, Any]],
        own: Callable[[], tuple[Board, Path]],
        known: list[Device],
    ) -> None:
        """Check that it can be done.

        Raises:
            ConfigError: the session asks for it, and this version of pytest-embedded does not fit.
        """
        mode = config.getoption("--espbench-dut")
        self._routed = mode == "routed"
        self._why_not = "--espbench-dut is off" if mode == "off" else fit.misfit()
        self._misfits = mode != "off" and bool(self._why_not)
        self._services = services(config) or ""
        if self._misfits and wanted(self._services):
            raise ConfigError(self._why_not)
        self._item: pytest.Item | None = None
        self._options = options
        self.duts = Duts(self._options_now, own, known, routed=self._routed)

    def _options_now(self) -> Mapping[str, Any]:
        return {} if self._item is None else self._options(self._item)

    # ---------------------------------------------------------------- hooks

    def pytest_report_header(self) -> str | None:
        """Say what a dut is, when there will be some."""
        if not wanted(self._services):
            loud = self._misfits and fit.installed(fit.PACKAGE) is not None
            return f"espbench: {self._why_not}" if loud else None
        if self._why_not:
            return f"espbench: dut runs in pytest-embedded's own QEMU ({self._why_not})"
        how = "connections to its address are led to it" if self._routed else "no routes"
        return f"espbench: dut runs on espbench's machine; {how}"

    def pytest_unconfigure(self) -> None:
        """End what still runs."""
        self.duts.end_all()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Remember whose markers a dut gets."""
        self._item = item
        try:
            return (yield)
        finally:
            self._item = None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """End every machine with its test, whatever became of pytest-embedded's own teardown."""
        try:
            return (yield)
        finally:
            self.duts.end_all()

    # ---------------------------------------------------------------- for fixtures

    @property
    def provides(self) -> bool:
        """Whether duts in QEMU are espbench's machines."""
        return not self._why_not

    def choose(self, choice: Any) -> None:
        """Put espbench's classes in place of pytest-embedded's, but for those of the project.

        Args:
            choice: pytest-embedded's `ClassCliOptions`.
        """
        if not self.provides:
            return
        # Not before a dut is wanted: to import them takes a while.
        import pytest_embedded_qemu

        from espbench.embedded.qemu import DutQemu

        if choice.classes["qemu"] is pytest_embedded_qemu.Qemu:
            choice.classes["qemu"] = DutQemu
            choice.kwargs["qemu"]["duts"] = self.duts
        if _has_idf() and choice.classes["app"] is pytest_embedded_qemu.QemuApp:
            from espbench.embedded.app import DutApp

            choice.classes["app"] = DutApp

    def device_of(self, dut: Any) -> Device:
        """Return the machine below a dut.

        Raises:
            ConfigError: it has none of espbench's.
        """
        if isinstance(dut, list | tuple):
            raise ConfigError(
                "The test has several duts, so `device` could be any of them: use "
                "`dut[0].qemu.device`."
            )
        found = getattr(getattr(dut, "qemu", None), "device", None)
        if not isinstance(found, Device):
            why = self._why_not or "it is no QEMU, or a chip that espbench has no board for"
            raise ConfigError(
                f"The dut does not run on espbench's machine ({why}), so `device` cannot be the "
                "same: use --embedded-services idf,qemu, or leave one of the two fixtures away."
            )
        return found

    def cause(self) -> EspbenchError | None:
        """Return what ended a dut, if anything did: that is what failed, not the time-out after."""
        for device in self.duts.devices:
            try:
                device.check()
            except EspbenchError as error:
                return error
        return None


def _has_idf() -> bool:
    """Return whether pytest-embedded-idf is there: its app cannot be imported without."""
    from importlib.util import find_spec

    return find_spec("pytest_embedded_idf") is not None


__all__ = ["EmbeddedPlugin"]
