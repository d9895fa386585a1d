# SPDX-License-Identifier: MIT
"""The resources that labgrid's exporter publishes for an emulated board.

A board consists of three resources in one group with the same `unit`: `EspbenchConsole` has the
options and is published as a `NetworkSerialPort`, `EspbenchPower` as a `NetworkPowerPort`, and
`EspbenchBoard` as itself.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import attr
from labgrid.remote.exporter import ResourceExport, exports
from labgrid.resource.common import Resource

from espbench.boards.builtin import board_named
from espbench.errors import ConfigError, EspbenchError
from espbench.firmware import build
from espbench.interactive import up
from espbench.lab.unit import Ports, Unit

LOOPBACK = "127.0.0.1"
OPTIONS = ("unit", "board", "firmware", "files", "cert", "key", "args", "internet", "listen")

_units: dict[str, Unit] = {}


def make_unit(params: dict[str, Any]) -> Unit:
    """Return the unit that a console's options describe.

    Raises:
        EspbenchError: an option is invalid, or the firmware is missing or cannot be built.
    """
    name = str(params["unit"])
    for option in params:
        if option not in OPTIONS:
            raise ConfigError(
                f"The unit {name} has an unknown option {option!r}: choose from "
                f"{', '.join(OPTIONS)}."
            )
    if name in _units:
        raise ConfigError(f"There are two units {name}: give each EspbenchConsole its own name.")
    args = params.get("args") or {}
    if not isinstance(args, dict):
        raise ConfigError(
            f"The args of unit {name} are not a mapping: write args: {{heap: 65536}}."
        )
    internet = params.get("internet", False)
    if not isinstance(internet, bool):
        raise ConfigError(f"The internet of unit {name} is {internet!r}: write true or false.")
    board = board_named(str(params.get("board", "lx60")))
    firmware = params.get("firmware")
    files, cert, key = (_path(params.get(option)) for option in ("files", "cert", "key"))
    options = up.UpOptions(
        board=board,
        firmware=build.firmware(board) if firmware is None else Path(firmware),
        fixed={},
        files=files,
        cert=cert,
        key=key,
        args={name: str(value) for name, value in args.items()},
        internet=internet,
    )
    return Unit(name, options, str(params.get("listen", LOOPBACK)))


def _path(value: Any) -> Path | None:
    return None if value is None else Path(str(value))


@attr.s(eq=False)
class _UnitExport(ResourceExport):
    """A resource of a unit, available while its place is acquired."""

    published = ""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.data["cls"] = self.published
        self.local = Resource(target=None, name=None)
        self.unit_name = self.local_params.get("unit")
        if not isinstance(self.unit_name, str) or not self.unit_name:
            raise ConfigError(
                f"An emulated board's {self.published} has no unit: give its three resources the "
                "same, such as unit: lx60-1 (real boards are labgrid-exporter's)."
            )

    @property
    def unit(self) -> Unit:
        unit = _units.get(self.unit_name)
        if unit is None:
            raise ConfigError(
                f"The unit {self.unit_name!r} does not exist: give an EspbenchConsole this name."
            )
        return unit

    @property
    def reached(self) -> str:
        """The address for clients; loopback is this host, or the local end of labgrid's SSH."""
        listen = self.unit.listen
        return listen if listen == LOOPBACK else str(self.host)

    def _start(self, start_params: dict[str, Any]) -> None:  # noqa: ARG002 (labgrid's)
        try:
            self.unit.acquire()
        except EspbenchError as error:
            self.logger.error("%s", error)
            raise
        self.logger.info("unit %s is leased", self.unit_name)

    def _stop(self, start_params: dict[str, Any]) -> None:  # noqa: ARG002 (labgrid's)
        self.unit.release()
        self.logger.info("unit %s is free", self.unit_name)

    def _get_params(self) -> dict[str, Any]:
        unit = _units.get(self.unit_name)
        ports = None if unit is None else unit.ports
        host = LOOPBACK if unit is None else self.reached
        return {**self.where(host, ports), "extra": {"unit": self.unit_name}}

    def where(self, host: str, ports: Ports | None) -> dict[str, Any]:
        """Return the parameters to publish; `ports` is None while the place is free."""
        raise NotImplementedError


@attr.s(eq=False)
class ConsoleExport(_UnitExport):
    """The console, for SerialDriver and labgrid-client console."""

    published = "NetworkSerialPort"

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        unit = make_unit(self.local_params)
        _units[unit.name] = unit

    def where(self, host: str, ports: Ports | None) -> dict[str, Any]:
        return {
            "host": host,
            "port": None if ports is None else ports.console,
            "speed": 115200,
            "protocol": "rfc2217",
        }


@attr.s(eq=False)
class PowerExport(_UnitExport):
    """The power switch, for NetworkPowerDriver and labgrid-client power."""

    published = "NetworkPowerPort"

    def where(self, host: str, ports: Ports | None) -> dict[str, Any]:
        port = 0 if ports is None else ports.power
        return {"model": "rest", "host": f"http://{host}:{port}/power/{{index}}", "index": "0"}


@attr.s(eq=False)
class BoardExport(_UnitExport):
    """The servers, for EspbenchDriver."""

    published = "EspbenchBoard"

    def where(self, host: str, ports: Ports | None) -> dict[str, Any]:
        servers = {} if ports is None else ports.servers
        return {
            "host": host,
            "http": servers.get("http"),
            "https": servers.get("https"),
            "webrepl_password": None if ports is None else ports.password,
        }


def register() -> None:
    """Register the resources with labgrid's exporter."""
    exports["EspbenchConsole"] = ConsoleExport
    exports["EspbenchPower"] = PowerExport
    exports["EspbenchBoard"] = BoardExport
    logging.getLogger("espbench").setLevel(logging.INFO)
