# SPDX-License-Identifier: MIT
"""The devices below pytest-embedded's duts: which board they are, and how long they run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espbench.boards.board import Board
from espbench.boards.boot_media import FlashImage, option_value
from espbench.boards.builtin import BOARDS
from espbench.device.device import Device
from espbench.embedded.contact import Contact
from espbench.embedded.qemu_args import MACHINE, Theirs, theirs
from espbench.embedded.socket_redirect import Route
from espbench.errors import ConfigError

if TYPE_CHECKING:
    from espbench.embedded.log import Feed, MessageQueue

DEFAULT_IMAGE = "flash_image.bin"
"""pytest-embedded's name of the image when nobody names another."""
FIRST_SUBNET = 2
"""Slirp's own network is 10.0.2.0/24; further machines get 10.0.3.0/24 and so on."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a test says of its dut's machine.

    Attributes:
        options: keyword arguments of `Device`.
        own: the session's board and firmware, when the dut has no image of its own.
        make: boots the machine of a test that takes `device` alone, as it would without a dut.
        alone: whether the test takes `device` and no dut.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    own: tuple[Board, Path] | None = None
    make: Callable[[], Device] | None = None
    alone: bool = False


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What to boot.

    Attributes:
        board: which, with the efuses that are asked for.
        firmware: the flash image, or the firmware of a board that takes no image.
        elf: the same with debugging information, or None.
        program: the QEMU to run, or None for the one that is found.
        efuse: file of the eFuses, which then stays, or None.
        theirs: the rest of pytest-embedded's arguments.
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
    """All of a session."""

    def __init__(
        self,
        known: list[Device],
        *,
        routed: bool,
    ) -> None:
        """Begin with none.

        Args:
            known: the session's devices; those that run are added.
            routed: whether connections to the guests' addresses are led to them.
        """
        self._known = known
        self._route = Route() if routed else None
        self._running: dict[Device, _Running] = {}

    @property
    def devices(self) -> list[Device]:
        """Those that have been started and not ended."""
        return list(self._running)

    def wish(
        self,
        order: Order,
        *,
        app: Any,
        image_path: str | None,
        prog_path: str | None,
        efuse_path: str | None,
        cli_args: str | None,
        extra_args: str | None,
    ) -> Wish | None:
        """Return what pytest-embedded's arguments ask for; None: a board that espbench has not.

        Raises:
            ConfigError: they ask for what cannot be.
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
                f"There is no flash image {image} for the dut: build the project, or name another "
                "image with --qemu-image-path."
            )
        elf = getattr(app, "elf_file", None)
        efuse = Path(efuse_path).absolute() if efuse_path else None
        if efuse is not None:
            board, parts = _with_efuse(board, parts, efuse)
        return Wish(
            board=board,
            firmware=image.absolute(),
            elf=Path(elf) if elf else None,
            program=prog_path,
            efuse=efuse,
            theirs=parts,
        )

    def boot(self, wish: Wish, order: Order, target: MessageQueue) -> Device:
        """Start a machine without waiting for anything, and let its console reach `target`.

        Raises:
            EspbenchError: it could not be started; nothing keeps running then.
        """
        number = min(
            set(range(len(self._running) + 1)) - {r.number for r in self._running.values()}
        )
        options: dict[str, Any] = {
            "board": wish.board,
            "firmware": wish.firmware,
            # As with pytest-embedded's own QEMU; a marker can forbid it.
            "internet": not order.alone,
            **({} if wish.elf is None else {"elf": wish.elf}),
            **order.options,
        }
        from espbench.embedded.log import Feed, Log  # with it comes pytest-embedded

        # A log is in this process, and as quick as a variable.
        feed = None if isinstance(target, Log) else Feed(target)
        device = Device(
            **{
                **options,
                "extra": (*wish.theirs.extra, *options.get("extra", ())),
                "name": f"dut-{number}" if number else "dut",
                "qemu": wish.program,
                "subnet": f"10.0.{FIRST_SUBNET + number}.0/24" if number else None,
                "tap": target.put if feed is None else feed.put,
            }
        )
        # Known before it starts: a start that fails leaves evidence too.
        self._running[device] = _Running(number, feed)
        self._known.append(device)
        device.start(wait=False)
        for rule in wish.theirs.rules:
            device.qemu.add_forward(rule)
        if self._route is not None:
            self._route.add(device.guest_address, Contact(device).port)
        return device

    def end(self, device: Device) -> None:
        """End a machine and forget it; nothing happens when that has been done."""
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
        """End all that run."""
        for device in self.devices:
            self.end(device)


def _with_efuse(board: Board, parts: Theirs, efuse: Path) -> tuple[Board, Theirs]:
    """Return a board whose eFuses are in that file, and stay there; it boots from flash still."""
    if not isinstance(board.handover, FlashImage) or board.handover.efuse is None:
        raise ConfigError(f"Board {board.name} has no eFuses: leave --qemu-efuse-path away for it.")
    driver = board.handover.efuse.driver
    arguments = (
        *("-drive", f"if=none,format=raw,id=efuse,file={option_value(efuse)}"),
        *("-global", f"driver={driver},property=drive,value=efuse"),
    )
    return (
        replace(board, handover=FlashImage()),
        replace(parts, extra=(*arguments, *parts.extra)),
    )
