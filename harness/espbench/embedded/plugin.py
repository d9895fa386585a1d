# SPDX-License-Identifier: MIT
"""What is registered beside espbench's own plugin when pytest-embedded is there."""

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
from espbench.embedded.flash_image import has_image
from espbench.embedded.services import in_qemu, services, wanted
from espbench.errors import ConfigError, EspbenchError
from espbench.firmware import source_tree

MAKE = pytest.StashKey[Callable[[], Device]]()
"""What boots the machine of a test that takes `device` and no dut."""
SHARED = pytest.StashKey[Any]()
"""The dut of a module's device."""


class EmbeddedPlugin:
    """Lets the duts of a session be espbench's machines."""

    def __init__(
        self,
        config: pytest.Config,
        options: Callable[[pytest.FixtureRequest, bool], Mapping[str, Any]],
        own: Callable[[pytest.FixtureRequest], tuple[Board, Path]],
        named: Callable[[pytest.FixtureRequest], bool],
        known: list[Device],
    ) -> None:
        """Check that it can be done.

        Args:
            config: pytest's.
            options: returns the keyword arguments of `Device` for a test; True adds those of the
                fixture `device_options`.
            own: returns the session's board and firmware for a test.
            named: returns whether somebody named the session's firmware, for a test.
            known: the session's devices; those of duts are added.

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
        self._options = options
        self._own = own
        self._named = named
        self._numbers = itertools.count(1)
        self.duts = Duts(known, routed=self._routed)

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

    def choose(
        self, request: pytest.FixtureRequest, choice: Any, parameters: Mapping[str, Any]
    ) -> None:
        """Put espbench's classes in place of pytest-embedded's, but for those of the project.

        Args:
            request: of a test.
            choice: pytest-embedded's `ClassCliOptions` for one of its duts.
            parameters: what its fixture `parametrize_fixtures` has for that dut.

        Raises:
            EspbenchError: the session's firmware is wanted, and could not be built.
        """
        if not self.provides:
            return
        # Not before a dut is wanted: to import them takes a while.
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
        """Return the device of a test that takes no dut: the machine below the one that it gets.

        Args:
            request: of the test.
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
        """Yield the device of a module, with a dut above it where a test of it would have one.

        Args:
            request: of the module.
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


__all__ = ["EmbeddedPlugin"]
