# SPDX-License-Identifier: MIT
"""Counting work: parsing, arithmetic, the capture, and figures that are unavailable."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from espbench.boards.builtin import BOARDS
from espbench.certs.deterministic import fixed_key, fixed_recipe
from espbench.certs.deterministic_random import FixedRandom, fixed_random
from espbench.certs.keys import pkcs8
from espbench.device.device import Device
from espbench.device.memory.time_wait import TimeWait
from espbench.errors import FigureUnavailable, QmpError
from espbench.perf import instruction_counter as work
from espbench.perf import measure as steady
from espbench.perf import repeats
from espbench.perf.ack_tracker import AckTracker
from espbench.perf.measure import Subject, typical
from espbench.perf.metrics import BOOT, FREE, Reading
from espbench.qemu.guest_memory import parse_words

DEVICE, OTHER = b"\x52\x54\x00\x12\x34\x56", b"\x52\x55\x0a\x00\x02\x02"
ACK, FIN, SYN, RST = 16, 1, 2, 4


def test_the_monitor_s_words_become_the_record() -> None:
    """The words that QEMU prints are decoded to the firmware's little-endian record."""
    text = (
        "0000000060087f48: 0x02625a00 0x00000001 0x00000005 0x00000001\r\n"
        "0000000060087f58: 0x00000007 0x00000000 0x00000009 0x00000000\r\n"
        "0000000060087f68: 0x0000000b 0x00000000\r\n"
    )
    found = work.Work.of(parse_words(text, 10))
    assert found == work.Work(40_000_000, True, 2**32 + 5, 7, 9, 11)


@pytest.mark.parametrize("text", ["", "Cannot access memory\r\n", "0000: 0x00000001\r\n"])
def test_other_words_are_an_error(text: str) -> None:
    """Other output of the monitor is quoted."""
    with pytest.raises(QmpError, match="could not read the guest's memory: it replied"):
        parse_words(text, 10)


def test_cycles_become_instructions() -> None:
    """At 40 MHz a cycle takes 25 ns, and with shift 2 an instruction takes 4 ns."""
    assert work.instructions(4, 40_000_000, 2) == 25


def test_typical_is_not_moved_by_disturbances() -> None:
    """Nearly half of the samples may be more expensive, each by a different amount."""
    chance = random.Random(1)
    clean = [1000 + chance.randrange(3) for _ in range(11)]
    disturbed = [1000 + 300 * (n + 1) for n in range(9)]
    mixed = [*clean, *disturbed]
    chance.shuffle(mixed)
    assert 1000 <= typical(mixed) <= 1002
    assert typical([5]) == 5


@pytest.mark.parametrize("runs", [steady.Effort().transfers, steady.QUICK.transfers])
def test_a_transfer_is_not_moved_by_disturbances(runs: int) -> None:
    """Two in a hundred steps cost more or less, so a third of all transfers has such a step.

    The proportions and costs were measured in 120 transfers next to four busy loops.
    """
    chance = random.Random(1)

    def step() -> float:
        cost = 3073 + chance.randrange(3)
        return cost + chance.choices((0, -575, 2192, 2236), (980, 8, 6, 6))[0]

    for _ in range(300):
        total = steady.typical_total([[step() for _ in range(17)] for _ in range(runs)])
        assert total == pytest.approx(17 * 3074, rel=0.001)


def test_fixed_random_is_reproducible_and_temporary() -> None:
    """A seed determines the stream of bytes, and afterwards randomness is restored."""
    import os

    assert FixedRandom("a")(8) == FixedRandom("a")(8) != FixedRandom("b")(8)
    real = os.urandom
    with fixed_random("a"):
        first = os.urandom(4)
        assert os.urandom(4) != first
    assert os.urandom is real


@pytest.mark.parametrize("kind", ["p256", "rsa2048"])
def test_fixed_keys_are_the_same_everywhere(kind: str) -> None:
    """A key that is generated again is the same, and so is its certificate."""
    first, files = pkcs8(fixed_key(kind)), dict(fixed_recipe(kind).files)
    fixed_key.cache_clear()
    assert pkcs8(fixed_key(kind)) == first
    assert dict(fixed_recipe(kind).make()) == files


# ------------------------------------------------------------------- the wire


def segment(source: bytes, flags: int, sequence: int, acked: int, data: bytes = b"") -> bytes:
    """Return a frame with a TCP segment between the device's port 80 and another's 5000."""
    ports = (80, 5000) if source == DEVICE else (5000, 80)
    target = OTHER if source == DEVICE else DEVICE
    tcp = struct.pack("!HHIIBBHHH", *ports, sequence, acked, 5 << 4, flags, 0, 0, 0)
    ip = struct.pack("!BBHHHBBH8x", 0x45, 0, 40 + len(data), 0, 0, 64, 6, 0)
    return (target + source + b"\x08\x00" + ip + tcp + data).ljust(60, b"\0")


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """Return an empty capture."""
    path = tmp_path / "net.pcap"
    path.write_bytes(bytes(24))
    return path


@pytest.fixture
def tracker(capture: Path) -> Iterator[AckTracker]:
    """Return a `AckTracker` that follows the capture."""
    made = AckTracker(capture, DEVICE)
    yield made
    made.close()


def test_unacknowledged_data(capture: Path, tracker: AckTracker) -> None:
    """The device's SYN, data and FIN need an ACK, even when sequence numbers wrap around."""
    top = 2**32 - 1
    steps = [
        (segment(OTHER, SYN, 7, 0), True),
        (segment(DEVICE, SYN | ACK, top, 8), False),
        (segment(OTHER, ACK, 8, 0), True),
        (segment(DEVICE, ACK, 0, 8, b"hello"), False),
        (segment(DEVICE, ACK, 5, 8, b"more"), False),
        (segment(DEVICE, ACK, 0, 8, b"hello"), False),  # retransmission
        (segment(OTHER, ACK, 8, 5), False),
        (segment(OTHER, ACK, 8, 9), True),
        (segment(DEVICE, ACK, 9, 8), True),  # no data
        (segment(DEVICE, FIN | ACK, 9, 8), False),
        (segment(OTHER, ACK, 8, 10), True),
        (segment(DEVICE, ACK, 10, 8, b"late"), False),
        (segment(OTHER, RST, 8, 0), True),
    ]
    for number, (frame, acknowledged) in enumerate(steps):
        with capture.open("ab") as file:
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
        tracker.follow()
        assert tracker.acknowledged == acknowledged, number
    assert tracker.to_device == sum(frame[6:12] == OTHER for frame, _ in steps)


def test_half_a_frame_is_waited_for(capture: Path, tracker: AckTracker) -> None:
    """QEMU may not have finished writing a frame."""
    frame = segment(OTHER, SYN, 1, 0)
    whole = struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame
    for piece in (whole[:7], whole[7:30]):
        with capture.open("ab") as file:
            file.write(piece)
        tracker.follow()
        assert tracker.to_device == 0
    with capture.open("ab") as file:
        file.write(whole[30:])
    tracker.follow()
    assert tracker.to_device == 1


# ------------------------------------------------------------------- unavailable figures


def test_a_board_that_does_not_count_says_so(tiny_firmware: Callable[..., Path]) -> None:
    """The figure is unavailable, with the reason."""
    board = replace(BOARDS["lx60"], icount_shift=None)
    with pytest.raises(FigureUnavailable, match="Board lx60 cannot count work"):
        _ = Subject(Device(board, tiny_firmware()), steady.QUICK).meter


def test_a_firmware_without_the_record_says_so(tiny_firmware: Callable[..., Path]) -> None:
    """Another project's ELF has no symbol bench_work."""
    with pytest.raises(FigureUnavailable, match="does not count its work"):
        work.Meter(Device(BOARDS["lx60"], tiny_firmware()))


def test_a_firmware_without_lwip_has_nothing_to_remember(
    tiny_firmware: Callable[..., Path],
) -> None:
    """Without a list of TIME-WAIT connections, nothing waits for it to become empty."""
    time_wait = TimeWait(Device(BOARDS["lx60"], tiny_firmware()))
    assert not time_wait.known
    assert not time_wait.any()


def test_a_firmware_that_never_began_to_count_says_so(
    capture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record without a frequency means that the board cannot distinguish work from sleep."""
    monkeypatch.setattr(work, "symbol_address", lambda *_: 0x60001000)
    nothing = "0000000060001000: " + " ".join(["0x00000000"] * 10) + "\r\n"
    device = SimpleNamespace(
        elf=Path("firmware.elf"),
        board=BOARDS["lx60"],
        capture_file=capture,
        monitor=lambda *_, **__: nothing,
    )
    with pytest.raises(FigureUnavailable) as caught:
        work.Meter(device)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "Board lx60 cannot distinguish work from sleep, so its firmware does not count its work: "
        "measure this on lx60."
    )


def test_repeats_are_side_by_side() -> None:
    """The spread is relative to the median; a figure that one run lacks keeps its reason."""
    runs = [
        [Reading(BOOT, 1000), Reading(FREE, None, "gone")],
        [Reading(BOOT, 1001), Reading(FREE, 7)],
    ]
    boot, free = repeats.side_by_side(runs)
    assert boot.spread == pytest.approx(0.09995)
    assert (free.values, free.reason) == ((7,), "gone")
    assert repeats.as_json([boot, free], "lx60", {})["figures"]["heap_free"]["reason"] == "gone"


def test_load_ends_with_its_block() -> None:
    """The busy loops are processes, which are gone afterwards."""
    from espbench.qemu import launcher

    before = launcher.live()
    with repeats.busy(2):
        assert len(launcher.live()) == len(before) + 2
    assert launcher.live() == before
