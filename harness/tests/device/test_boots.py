# SPDX-License-Identifier: MIT
"""Boots, and those that do not become ready, are counted from the guest's events and output."""

from __future__ import annotations

import pytest
from espbench.boards.builtin import BOARDS
from espbench.device.boots import BOOTS_IN_VAIN, Boots
from espbench.device.timeline import Timeline

ROM = "rst:0xc (SW_CPU_RESET),boot:0x12 (SPI_FAST_FLASH_BOOT)\n"
NOTHING = "invalid header: 0xffffffff\n"


class Guest:
    """Prints, and remembers which boots began."""

    def __init__(self, board: str) -> None:
        """Start without output."""
        self.text = ""
        self.begun = 0
        self.boots = Boots(
            BOARDS[board], Timeline(), printed=lambda: len(self.text), on_begin=self.begin
        )

    def begin(self) -> None:
        """Count a boot."""
        self.begun += 1

    def prints(self, text: str) -> None:
        """Print text on the console."""
        self.text += text
        self.boots.feed(text)


def waits(boots: Boots) -> tuple[bool, bool]:
    """Return whether the guest is in a loop, and whether it found nothing to boot."""
    return boots.looping, boots.cannot_boot


def test_boot_event() -> None:
    """On a board whose ROM is silent, the firmware's event begins a boot."""
    guest = Guest("lx60")
    guest.prints("before\n")
    guest.boots.take_event({"event": "listening", "scheme": "http"})
    guest.boots.take_event({"event": "boot", "cause": "hard_reset"})
    assert (guest.begun, guest.boots.count, guest.boots.cause) == (1, 1, "hard_reset")
    assert (guest.boots.first_event, guest.boots.first_text) == (1, len("before\n"))
    assert guest.boots.events[1:] == [{"event": "boot", "cause": "hard_reset"}]


def test_rom_line_and_event_are_one_boot() -> None:
    """The ROM's line begins the boot that the firmware reports later."""
    guest = Guest("esp32")
    guest.prints("cut off" + ROM + "I (31) boot\n")
    guest.boots.take_event({"event": "boot", "cause": "other"})
    assert (guest.begun, guest.boots.count, guest.boots.in_vain) == (1, 1, 1)
    assert guest.boots.resets == ["SW_CPU_RESET"]
    assert guest.boots.cause == "SW_CPU_RESET"
    assert guest.text[guest.boots.first_text :].startswith("rst:0xc")


def test_loop_only_while_awaited() -> None:
    """A test may reset a device as often as it likes; boots count only during a wait."""
    guest = Guest("esp32")
    guest.prints(ROM * BOOTS_IN_VAIN)
    assert waits(guest.boots) == (False, False)
    with guest.boots.awaited():
        guest.prints(ROM * (BOOTS_IN_VAIN - 1))
        assert waits(guest.boots) == (False, False)
        with guest.boots.awaited():
            guest.prints(ROM)
        assert waits(guest.boots) == (True, False)
    assert waits(guest.boots) == (False, False)


@pytest.mark.parametrize("board", ["esp32", "esp32c3"])
def test_nothing_to_boot(board: str) -> None:
    """A ROM that finds nothing to boot ends the wait at once, until the next boot."""
    guest = Guest(board)
    with guest.boots.awaited():
        guest.prints(NOTHING)
        assert waits(guest.boots) == (True, True)
        guest.prints(ROM)
        assert waits(guest.boots) == (False, False)
        guest.prints(NOTHING)
    assert waits(guest.boots) == (False, False)
