# SPDX-License-Identifier: MIT
"""The devices below pytest-embedded's duts: their boards, their options and their lifetime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espbench.boards.board import Board
from espbench.boards.boot_media import FlashBoot, option_value
from espbench.boards.builtin import BOARDS
from espbench.device.device import Device
from espbench.embedded.contact import Contact
from espbench.embedded.qemu_args import MACHINE, Theirs, theirs
from espbench.embedded.socket_redirect import Route
from espbench.errors import ConfigError

if TYPE_CHECKING:
    from espbench.embedded.log import Feed, MessageQueue

DEFAULT_IMAGE = "flash_image.bin"
"""pytest-embedded's default name of the image."""
FIRST_SUBNET = 2
"""Slirp's own network is 10.0.2.0/24; further machines get 10.0.3.0/24 and so on."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """The machine that a test requests for its dut.

    Attributes:
        options: keyword arguments of `Device`.
        own: the session's board and firmware, if the dut does not have its own image.
        make: boots the machine of a test that uses `device` without a dut.
        alone: whether the test uses `device` and no dut.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    own: tuple[Board, Path] | None = None
    make: Callable[[], Device] | None = None
    alone: bool = False


@dataclass(frozen=True, kw_only=True)
class MachineSpec:
    """The machine to boot.

    Attributes:
        board: the board, with the requested eFuses.
        firmware: the flash image, or the firmware of a board without one.
        elf: the firmware's ELF file with debugging information, or None.
        program: the QEMU to run, or None to search for it.
        efuse: file of the eFuses, which is kept, or None.
        theirs: the remaining arguments of pytest-embedded.
    """

    board: Board
    firmware: Path
    elf: Path | None = None
    program: str | None = None
    efuse: Path | None = None
    theirs: Theirs = field(default_factory=Theirs)


@dataclass(frozen=True)
class _Running:
    number: int
    feed: Feed | None


class Duts:
    """All devices of a session that are below duts."""

    def __init__(
        self,
        known: list[Device],
        *,
        routed: bool,
    ) -> None:
        """Start without devices.

        Args:
            known: list of the session's devices, to which running ones are added.
            routed: whether to redirect connections to the guests' addresses.
        """
        self._known = known
        self._route = Route() if routed else None
        self._running: dict[Device, _Running] = {}

    @property
    def devices(self) -> list[Device]:
        """The devices that have been started and not ended."""
        return list(self._running)

    def machine_spec(
        self,
        order: Order,
        *,
        app: Any,
        image_path: str | None,
        prog_path: str | None,
        efuse_path: str | None,
        cli_args: str | None,
        extra_args: str | None,
    ) -> MachineSpec | None:
        """Return the machine for pytest-embedded's arguments; None if espbench lacks the board.

        Raises:
            ConfigError: the arguments are invalid.
        """
        parts = theirs(cli_args, extra_args)
        target = getattr(app, "target", None)
        image = Path(image_path or DEFAULT_IMAGE)
        board: Board | None
        if order.own is not None:
            board, image = order.own
        elif image.is_file():
            machine = target or parts.machine or MACHINE
            board = next((b for b in BOARDS.values() if b.machine == machine), None)
            if board is None:
                return None
        else:
            raise ConfigError(
                f"The dut's flash image {image} does not exist: build the project, or name another "
                "image with --qemu-image-path."
            )
        elf = getattr(app, "elf_file", None)
        efuse = Path(efuse_path).absolute() if efuse_path else None
        if efuse is not None:
            board, parts = _with_efuse(board, parts, efuse)
        return MachineSpec(
            board=board,
            firmware=image.absolute(),
            elf=Path(elf) if elf else None,
            program=prog_path,
            efuse=efuse,
            theirs=parts,
        )

    def boot(self, spec: MachineSpec, order: Order, target: MessageQueue) -> Device:
        """Start a machine without waiting for it, and send its console output to `target`.

        Raises:
            EspbenchError: it could not be started; nothing is left running.
        """
        number = min(
            set(range(len(self._running) + 1)) - {r.number for r in self._running.values()}
        )
        options: dict[str, Any] = {
            "board": spec.board,
            "firmware": spec.firmware,
            # As with pytest-embedded's own QEMU; a marker can forbid it.
            "internet": not order.alone,
            **({} if spec.elf is None else {"elf": spec.elf}),
            **order.options,
        }
        from espbench.embedded.log import Feed, Log  # imports pytest-embedded

        # A log is in this process and never blocks, so it needs no feed.
        feed = None if isinstance(target, Log) else Feed(target)
        device = Device(
            **{
                **options,
                "extra": (*spec.theirs.extra, *options.get("extra", ())),
                "name": f"dut-{number}" if number else "dut",
                "qemu": spec.program,
                "subnet": f"10.0.{FIRST_SUBNET + number}.0/24" if number else None,
                "tap": target.put if feed is None else feed.put,
            }
        )
        # Registered before it starts, so that a failed start leaves evidence too.
        self._running[device] = _Running(number, feed)
        self._known.append(device)
        device.start(wait=False)
        for rule in spec.theirs.rules:
            device.qemu.add_forward(rule)
        if self._route is not None:
            self._route.add(device.guest_address, Contact(device).port)
        return device

    def end(self, device: Device) -> None:
        """End a machine and remove it; do nothing if it has ended already."""
        running = self._running.pop(device, None)
        if running is None:
            return
        if self._route is not None:
            self._route.remove(device.guest_address)
        device.close()
        if running.feed is not None:
            running.feed.close()
        self._known.remove(device)

    def end_all(self) -> None:
        """End all running machines."""
        for device in self.devices:
            self.end(device)


def _with_efuse(board: Board, parts: Theirs, efuse: Path) -> tuple[Board, Theirs]:
    """Return a board that keeps its eFuses in this file and still boots from flash."""
    if not isinstance(board.handover, FlashBoot) or board.handover.efuse is None:
        raise ConfigError(f"Board {board.name} has no eFuses: remove --qemu-efuse-path.")
    driver = board.handover.efuse.driver
    arguments = (
        *("-drive", f"if=none,format=raw,id=efuse,file={option_value(efuse)}"),
        *("-global", f"driver={driver},property=drive,value=efuse"),
    )
    return (
        replace(board, handover=FlashBoot()),
        replace(parts, extra=(*arguments, *parts.extra)),
    )
