# SPDX-License-Identifier: MIT
"""Reset causes are read from the ROM's messages, however they are split."""

from __future__ import annotations

from itertools import pairwise

from espbench.boards.builtin import BOARDS
from espbench.crash.resets import Reset, ResetWatch
from hypothesis import given
from hypothesis import strategies as st

TEXT = """\
ets Jul 29 2019 12:21:46

rst:0x1 (POWERON_RESET),boot:0x12 (SPI_FAST_FLASH_BOOT)
configsip: 0, SPIWP:0xee
half a liets Jul 29 2019 12:21:46

rst:0x7 (TG0WDT_SYS_RESET),boot:0x12 (SPI_FAST_FLASH_BOOT)
"""
RESETS = [Reset("POWERON_RESET", 26), Reset("TG0WDT_SYS_RESET", 142)]


def test_where_it_is() -> None:
    """The positions in RESETS are those of the lines in TEXT."""
    assert [TEXT[reset.at :][:5] for reset in RESETS] == ["rst:0", "rst:0"]


@given(st.lists(st.integers(0, len(TEXT)), max_size=20))
def test_in_pieces(cuts: list[int]) -> None:
    """Wherever the text is split, the same resets are found at the same places."""
    watch = ResetWatch(BOARDS["esp32"].reset_line)
    edges = [0, *sorted(cuts), len(TEXT)]
    found = [reset for start, end in pairwise(edges) for reset in watch.feed(TEXT[start:end])]
    assert found == RESETS


def test_esp32c3() -> None:
    """The ROM of the ESP32-C3 uses other names."""
    watch = ResetWatch(BOARDS["esp32c3"].reset_line)
    text = "ESP-ROM:esp32c3-api1-20210207\nrst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\n"
    assert [reset.cause for reset in watch.feed(text)] == ["POWERON"]


def test_board_without_such_a_rom() -> None:
    """No resets are found for a board whose ROM prints no cause."""
    assert ResetWatch(None).feed(TEXT) == []
