# SPDX-License-Identifier: MIT
"""Plugin that is registered if pytest-embedded is installed: runs duts on espbench's machines."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from espbench.boards.board import Board
from espbench.device.device import Device
from espbench.embedded import compat as fit
from espbench.embedded.duts import Duts, Order
from espbench.embedded.project_image import has_image
from espbench.embedded.services import in_qemu, services, wanted
from espbench.errors import ConfigError, EspbenchError
from espbench.firmware import source_tree

MAKE = pytest.StashKey[Callable[[], Device]]()
"""Boots the machine of a test that uses `device` and no dut."""
SHARED = pytest.StashKey[Any]()
"""The dut of a module's device."""


class EmbeddedPlugin:
    """Runs the duts of a session on espbench's machines."""

    def __init__(
        self,
        config: pytest.Config,
        options: Callable[[pytest.FixtureRequest, bool], Mapping[str, Any]],
        own: Callable[[pytest.FixtureRequest], tuple[Board, Path]],
        named: Callable[[pytest.FixtureRequest], bool],
        known: list[Device],
    ) -> None:
        """Check the installed version and the options.

        Args:
            config: the pytest configuration.
            options: returns the keyword arguments of `Device` for a test; True adds those of the
                fixture `device_options`.
            own: returns the session's board and firmware for a test.
            named: returns whether the session's firmware was given, for a test.
            known: list of the session's devices, to which those of duts are added.

        Raises:
            ConfigError: the session needs pytest-embedded, and its version is incompatible.
        """
        mode = config.getoption("--espbench-dut")
        self._routed = mode == "routed"
        self._why_not = "--espbench-dut is off" if mode == "off" else fit.misfit()
        self._misfits = mode != "off" and bool(self._why_not)
        self._services = services(config) or ""
        if self._misfits and wanted(self._services):
            raise ConfigError(self._why_not)
        self._options = options
        self._own = own
        self._named = named
        self._numbers = itertools.count(1)
        self.duts = Duts(known, routed=self._routed)

    # ---------------------------------------------------------------- hooks

    def pytest_report_header(self) -> str | None:
        """Report the machine of duts, if the session may have some."""
        if not wanted(self._services):
            loud = self._misfits and fit.installed(fit.PACKAGE) is not None
            return f"espbench: {self._why_not}" if loud else None
        if self._why_not:
            return f"espbench: dut runs in pytest-embedded's own QEMU ({self._why_not})"
        how = "connections to its address go to it" if self._routed else "no redirection"
        return f"espbench: dut runs on espbench's machine; {how}"

    def pytest_unconfigure(self) -> None:
        """End all running machines."""
        self.duts.end_all()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        """End every machine with its test, even if pytest-embedded's own teardown fails."""
        try:
            return (yield)
        finally:
            self.duts.end_all()

    # ---------------------------------------------------------------- for fixtures

    @property
    def provides(self) -> bool:
        """Whether duts in QEMU are espbench's machines."""
        return not self._why_not

    def choose(
        self, request: pytest.FixtureRequest, choice: Any, parameters: Mapping[str, Any]
    ) -> None:
        """Replace pytest-embedded's classes by espbench's, but keep those of the project.

        Args:
            request: request of a test.
            choice: pytest-embedded's `ClassCliOptions` for one of its duts.
            parameters: values of its fixture `parametrize_fixtures` for that dut.

        Raises:
            EspbenchError: the session's firmware is needed, but could not be built.
        """
        if not self.provides:
            return
        # Imported only for a dut, because the import is slow.
        import pytest_embedded_qemu

        from espbench.embedded.app import DutApp, FirmwareApp
        from espbench.embedded.qemu import DutQemu

        if choice.classes["qemu"] is not pytest_embedded_qemu.Qemu:
            return
        order = self._order(request, parameters)
        choice.classes["qemu"] = DutQemu
        choice.kwargs["qemu"].update(duts=self.duts, order=order)
        if "idf" not in parameters["_services"]:
            return
        if order.own is not None or order.make is not None:
            choice.classes["app"] = FirmwareApp
            choice.kwargs["app"] = {"app_path": parameters["app_path"]}
        elif choice.classes["app"] is pytest_embedded_qemu.QemuApp:
            choice.classes["app"] = DutApp

    def _order(self, request: pytest.FixtureRequest, parameters: Mapping[str, Any]) -> Order:
        alone = request.node.stash.get(MAKE, None)
        if alone is not None and (self._named(request) or not has_image(parameters)):
            return Order(make=alone, alone=True)
        own = not has_image(parameters) and (
            "idf" not in parameters["_services"]
            or self._named(request)
            or request.node.path.is_relative_to(source_tree.root())
        )
        return Order(
            options=self._options(request, own or alone is not None),
            own=self._own(request) if own else None,
            alone=alone is not None,
        )

    def boot(self, request: pytest.FixtureRequest, make: Callable[[], Device]) -> Device:
        """Return the device of a test without a dut, which gets one on top of the device.

        Args:
            request: request of the test.
            make: boots the session's board with the session's firmware.

        Raises:
            EspbenchError: it could not be booted.
        """
        if not self.provides or not in_qemu(request.getfixturevalue("_services")):
            return make()
        request.node.stash[MAKE] = make
        device = self.device_of(request.getfixturevalue("dut"))
        if device in self.duts.devices:
            device.wait_ready()
        return device

    @contextlib.contextmanager
    def shared(
        self, request: pytest.FixtureRequest, make: Callable[[], Device]
    ) -> Iterator[Device]:
        """Yield the device of a module, with a dut on top if a test of it would have one.

        Args:
            request: request of the module.
            make: boots the session's board with the session's firmware.

        Raises:
            EspbenchError: it could not be booted.
        """
        ours = request.node.path.is_relative_to(source_tree.root())
        asked = [service.strip() for service in self._services.split(",")]
        if not self.provides or not (ours or in_qemu(asked)):
            yield make()
            return
        from espbench.embedded.qemu import create

        folder = Path(request.getfixturevalue("session_tempdir"))
        name = request.node.path.stem
        number = next(self._numbers)
        with create(self.duts, make, folder / f"{name}-{number}" / "dut.log", name) as dut:
            request.node.stash[SHARED] = dut
            yield dut.qemu.device

    def shared_dut(self, module: pytest.Module, device: Device) -> Any:
        """Return the dut of a module's device.

        Raises:
            ConfigError: the session has no services for one.
        """
        dut = module.stash.get(SHARED, None)
        if dut is None or dut.qemu.device is not device:
            raise ConfigError(
                "The module's device has no dut: run pytest with --embedded-services=qemu."
            )
        return dut

    def device_of(self, dut: Any) -> Device:
        """Return the machine below a dut.

        Raises:
            ConfigError: the dut does not run on espbench's machine.
        """
        if isinstance(dut, list | tuple):
            raise ConfigError(
                "The test has several duts, so `device` could be any of them: use "
                "`dut[0].qemu.device`."
            )
        found = getattr(getattr(dut, "qemu", None), "device", None)
        if not isinstance(found, Device):
            why = self._why_not or "it is not in QEMU, or espbench has no board for its chip"
            raise ConfigError(
                f"The dut does not run on espbench's machine ({why}), so `device` cannot "
                "be its machine: use --embedded-services idf,qemu, or only one of the two fixtures."
            )
        return found

    def cause(self) -> EspbenchError | None:
        """Return the error that ended a dut, or None; it replaces the timeout that it caused."""
        for device in self.duts.devices:
            try:
                device.check()
            except EspbenchError as error:
                return error
        return None


__all__ = ["EmbeddedPlugin"]
