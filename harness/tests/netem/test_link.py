# SPDX-License-Identifier: MIT
"""A lane's decisions about frames, with a fake clock."""

from __future__ import annotations

import pytest
from espbench.errors import ConfigError
from espbench.netem.impairment import Conditions
from espbench.netem.link import Direction, Lane
from frames import ARP, tcp, udp, window_of
from hypothesis import given
from hypothesis import strategies as st

DHCP = udp(68, 67)


def numbered(number: int) -> bytes:
    """Return a frame with this number as its payload."""
    return tcp(40000, 80, payload=number.to_bytes(4, "big"))


def lane(direction: Direction = Direction.TO_GUEST, seed: int = 1, **conditions: object) -> Lane:
    """Return a lane with these conditions."""
    made = Lane(direction, seed)
    made.change(Conditions(**conditions))  # type: ignore[arg-type]
    return made


def survivors(made: Lane, count: int) -> list[int]:
    """Send this many frames at once; return the numbers of those that come out, in order."""
    for number in range(count):
        made.take(numbered(number), 0.0)
    return [int.from_bytes(frame[-4:], "big") for frame in made.due(1e9)]


def test_a_whole_network() -> None:
    """Without impairments, nothing is lost, late or changed."""
    made = lane()
    assert survivors(made, 100) == list(range(100))
    assert made.next_due is None
    assert (made.counts.came, made.counts.passed, made.counts.delayed) == (100, 100, 0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.05, 0.5, 1.0])
def test_the_fraction_that_is_lost(fraction: float, seed: int) -> None:
    """The requested fraction of 4000 frames is lost, within four standard deviations."""
    made = lane(seed=seed, loss=fraction)
    count = 4_000
    lost = count - len(survivors(made, count))
    deviation = (count * fraction * (1 - fraction)) ** 0.5
    assert abs(lost - count * fraction) <= 4 * deviation
    assert made.counts.lost == lost


def test_a_seed_repeats_what_is_lost() -> None:
    """A seed repeats the losses; another seed and the other direction lose other frames."""
    once = survivors(lane(loss=0.2), 200)
    again = lane(loss=0.2, seed=2)
    assert survivors(again, 200) != once
    again.reseed(1)
    assert survivors(again, 200) == once
    assert survivors(lane(Direction.TO_CLIENT, loss=0.2), 200) != once


def test_what_is_lost_depends_on_nothing_else() -> None:
    """Delay, jitter and reordering do not change which frames are lost."""
    alone = survivors(lane(loss=0.2), 300)
    among = survivors(lane(loss=0.2, delay=0.1, jitter=0.1, reorder=0.5, hold=0.3), 300)
    assert sorted(among) == alone
    assert among != alone


def test_arp_and_dhcp_are_spared() -> None:
    """ARP and DHCP are not lost unless `everything` is set, but a cut drops them."""
    for conditions, passed in (
        ({"loss": 1.0}, [ARP, DHCP]),
        ({"loss": 1.0, "everything": True}, []),
        ({"cut": True}, []),
    ):
        made = lane(**conditions)
        for frame in (ARP, numbered(0), DHCP):
            made.take(frame, 0.0)
        assert made.due(0.0) == passed


def test_delay() -> None:
    """A frame leaves at the end of its delay, and not before."""
    made = lane(delay=0.3)
    made.take(numbered(1), 10.0)
    made.take(numbered(2), 10.1)
    assert made.next_due == 10.3
    assert made.due(10.29) == []
    assert made.due(10.3) == [numbered(1)]
    assert made.waiting == 1
    assert made.due(10.5) == [numbered(2)]
    assert made.counts.delayed == 2


@given(
    st.lists(st.floats(0, 2), min_size=1, max_size=40),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 1000),
)
def test_jitter_keeps_the_order(gaps: list[float], delay: float, share: float, seed: int) -> None:
    """Each frame is delayed within the jitter, or waits for those before it."""
    jitter = delay * share
    made = lane(seed=seed, delay=delay, jitter=jitter)
    now, came = 0.0, {}
    for number, gap in enumerate(gaps):
        now += gap
        came[numbered(number)] = now
        made.take(numbered(number), now)
    left: list[bytes] = []
    while (due := made.next_due) is not None:
        for frame in made.due(due):
            left.append(frame)
            assert due >= came[frame] + delay - jitter - 1e-9
            assert due <= came[frame] + delay + jitter + 1e-9
    assert left == list(came)


def test_a_shorter_delay_lets_nobody_overtake() -> None:
    """Frames stay in order when the delay is removed while some are under way."""
    made = lane(delay=0.3)
    made.take(numbered(1), 0.0)
    made.change(Conditions())
    made.take(numbered(2), 0.1)
    assert made.due(0.29) == []
    assert made.due(0.3) == [numbered(1), numbered(2)]


def test_reordering() -> None:
    """The requested fraction is overtaken by later frames, and nothing is lost."""
    made = lane(reorder=0.1, hold=0.02)
    order = survivors(made, 2000)
    assert sorted(order) == list(range(2000))
    assert 150 <= made.counts.reordered <= 250
    stayed, held = order[: -made.counts.reordered], order[-made.counts.reordered :]
    assert stayed == sorted(stayed)
    assert held == sorted(held)


def test_a_held_frame_leaves_without_others() -> None:
    """A held frame leaves even if no other frame follows."""
    made = lane(reorder=1.0, hold=0.02)
    made.take(numbered(1), 5.0)
    assert made.next_due == 5.02
    assert made.due(5.02) == [numbered(1)]


def test_rate() -> None:
    """Frames follow each other no faster than the rate allows."""
    made = lane(rate=1000)
    size = len(numbered(0))
    for number in range(5):
        made.take(numbered(number), 0.0)
    for number in range(5):
        due = made.next_due or 0.0
        assert due == pytest.approx(size * (number + 1) / 1000)
        assert made.due(due) == [numbered(number)]
    made.take(numbered(9), 100.0)
    assert made.next_due == pytest.approx(100.0 + size / 1000)


def test_a_cut_takes_what_is_under_way() -> None:
    """Frames under way at a cut never arrive, not even after it."""
    made = lane(delay=0.3)
    made.take(numbered(1), 0.0)
    made.change(Conditions(cut=True))
    assert made.next_due is None
    made.take(numbered(2), 0.1)
    made.change(Conditions())
    made.take(numbered(3), 0.2)
    assert made.due(9.0) == [numbered(3)]
    assert (made.counts.cut, made.counts.passed) == (2, 1)


@pytest.mark.parametrize("direction", Direction)
def test_a_client_vanishes(direction: Direction) -> None:
    """Only the vanished client's frames are dropped; a server port of that number is not."""
    made = lane(direction, vanished=frozenset({40001}))

    def frame(client: int, server: int) -> bytes:
        ports = (client, server) if direction is Direction.TO_GUEST else (server, client)
        return tcp(*ports)

    frames = [frame(40001, 443), frame(40002, 443), ARP, frame(40002, 40001)]
    for one in frames:
        made.take(one, 0.0)
    assert made.due(0.0) == frames[1:]
    assert made.counts.vanished == 1


def test_small_windows() -> None:
    """Larger windows are reduced to the requested size, and counted."""
    made = lane(window=256)
    for window in (5760, 256, 10):
        made.take(tcp(1, 2, window=window), 0.0)
    assert [window_of(frame) for frame in made.due(0.0)] == [256, 256, 10]
    assert made.counts.clamped == 1


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"loss": 5},
            "A network's loss cannot be 5: "
            "give a fraction from 0 to 1, such as 0.05 for one frame in twenty.",
        ),
        (
            {"reorder": -0.1},
            "A network's reorder cannot be -0.1: "
            "give a fraction from 0 to 1, such as 0.05 for one frame in twenty.",
        ),
        (
            {"loss": float("nan")},
            "A network's loss cannot be nan: "
            "give a fraction from 0 to 1, such as 0.05 for one frame in twenty.",
        ),
        (
            {"delay": 300},
            "A network's delay cannot be 300: give seconds from 0 to 60, such as 0.3.",
        ),
        (
            {"delay": 0.1, "jitter": -1},
            "A network's jitter cannot be -1: give seconds from 0 to 60, such as 0.3.",
        ),
        (
            {"hold": "1"},
            "A network's hold cannot be '1': give seconds from 0 to 60, such as 0.3.",
        ),
        (
            {"delay": 0.1, "jitter": 0.2},
            "A jitter of 0.2 s is more than the delay of 0.1 s: give a delay of 0.2 s or more.",
        ),
        (
            {"rate": 0},
            "A network's rate cannot be 0: give bytes per second, such as 10_000, or use cut().",
        ),
        (
            {"window": 0},
            "A TCP window cannot be 0: give bytes from 1 to 65535, such as 256.",
        ),
        (
            {"window": 1.5},
            "A TCP window cannot be 1.5: give bytes from 1 to 65535, such as 256.",
        ),
        (
            {"vanished": frozenset({65536})},
            "A client's port cannot be 65536: give the source port of its socket, 1 to 65535 "
            "(`stream.port`, or `sock.getsockname()[1]`).",
        ),
    ],
)
def test_refused(values: dict[str, object], sentence: str) -> None:
    """Impossible values are refused."""
    with pytest.raises(ConfigError) as caught:
        Conditions(**values)  # type: ignore[arg-type]
    assert str(caught.value) == sentence


def test_conditions_in_the_evidence() -> None:
    """Only impairments are listed."""
    assert Conditions().as_json() == {}
    listed = Conditions(loss=0.05, cut=True, vanished=frozenset({2, 1})).as_json()
    assert listed == {"loss": 0.05, "cut": True, "vanished": [1, 2]}
