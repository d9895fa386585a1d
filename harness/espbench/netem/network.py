# SPDX-License-Identifier: MIT
"""`Network`, a test's `device.network`: methods that impair the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from types import TracebackType
from typing import Any, Self

from espbench.errors import ConfigError, NotRunning
from espbench.netem.impairment import Conditions
from espbench.netem.link import Counts, Direction, Lane
from espbench.netem.relay import Relay

__all__ = ["SEED", "Change", "Network"]

SEED = 1
"""Default seed of the random numbers, so that runs are repeatable."""

BOTH = "both"
TO_GUEST = Direction.TO_GUEST.value
TO_CLIENT = Direction.TO_CLIENT.value


class Change:
    """A change of conditions, which is undone at the end of a `with` block, if used in one."""

    def __init__(self, network: Network, before: Mapping[Direction, Mapping[str, Any]]) -> None:
        """Remember the previous values of the changed conditions."""
        self._network = network
        self._before = before

    def undo(self) -> None:
        """Restore the previous values of the changed conditions."""
        self._network._apply(self._before)

    def __enter__(self) -> Self:
        """Return the change, which is already in effect."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Undo the change."""
        self.undo()


class Network:
    """The link between slirp, to which clients connect, and the guest's NIC.

    Impairments apply to Ethernet frames, so the TCP stacks of lwIP and slirp have to recover from
    them. Each method takes effect at once and returns a `Change`, which a `with` block undoes:

        with device.network.loss(0.05), device.network.delay(0.15):
            ...

    `direction` is "both", "to_guest" or "to_client".
    """

    def __init__(
        self, relay: Relay, lanes: Mapping[Direction, Lane], seed: int, note: Callable[..., object]
    ) -> None:
        """Take over a relay.

        Args:
            relay: forwards the frames of `lanes`.
            lanes: one for each direction.
            seed: seed of the lanes.
            note: called with every change, by keyword.
        """
        self._relay = relay
        self._lanes = dict(lanes)
        self._note = note
        self.seed = seed
        """Seed of the random numbers; see `reseed`."""
        self.closed = False
        """Whether the device has ended."""

    # ---------------------------------------------------------------- impairments

    def loss(self, fraction: float, *, direction: str = BOTH, everything: bool = False) -> Change:
        """Drop this fraction of the frames at random.

        ARP and DHCP are spared unless `everything` is true: losing one of these frames causes
        seconds of silence that are unrelated to the connections under test.

        Raises:
            ConfigError: the fraction is not between 0 and 1.
        """
        return self._change(direction, loss=fraction, everything=everything)

    def delay(self, seconds: float, *, jitter: float = 0.0, direction: str = BOTH) -> Change:
        """Delay every frame by this many seconds, plus or minus `jitter`, and keep the order.

        The delay is one way: with both directions, a round trip takes twice as long.

        Raises:
            ConfigError: a value is not between 0 and 60 s, or the jitter exceeds the delay.
        """
        return self._change(direction, delay=seconds, jitter=jitter)

    def reorder(self, fraction: float, *, hold: float = 0.02, direction: str = BOTH) -> Change:
        """Hold this fraction of the frames at random for `hold` seconds; others overtake them.

        Raises:
            ConfigError: the fraction is not between 0 and 1, or `hold` not between 0 and 60 s.
        """
        return self._change(direction, reorder=fraction, hold=hold)

    def rate(self, bytes_per_second: float, *, direction: str = BOTH) -> Change:
        """Limit the rate of frames; excess frames wait in a queue of unlimited length.

        Raises:
            ConfigError: the rate is not a positive number.
        """
        return self._change(direction, rate=bytes_per_second)

    def window(self, size: int, *, direction: str = BOTH) -> Change:
        """Limit the unacknowledged bytes of each connection in this direction to `size`.

        To do so, the windows advertised by the receiver are reduced. Call this before the
        connection is opened: a sender that has seen a large window waits until a full segment fits.

        Raises:
            ConfigError: the size is not between 1 and 65535.
        """
        changes = {one.other: {"window": size} for one in _directions(direction)}
        return self._remembering(changes)

    def cut(self, *, direction: str = BOTH) -> Change:
        """Drop all frames, including those under way, until `restore`."""
        return self._change(direction, cut=True)

    def restore(self) -> None:
        """End every cut; other impairments stay."""
        self._change(BOTH, cut=False)

    def vanish(self, port: int) -> Change:
        """Make the client with this source port vanish: drop all frames of its connection.

        Neither end is notified. slirp preserves the client's source port.

        Raises:
            ConfigError: the port is not between 1 and 65535.
        """
        changes = {
            one: {"vanished": lane.conditions.vanished | {port}}
            for one, lane in self._lanes.items()
        }
        return self._remembering(changes)

    def clear(self) -> None:
        """Remove all impairments; frames already delayed still arrive later."""
        whole = {part.name: part.default for part in fields(Conditions)}
        self._remembering(dict.fromkeys(self._lanes, whole))

    def reseed(self, seed: int = SEED) -> None:
        """Restart the random numbers from this seed."""
        with self._relay.lock:
            self.seed = seed
            for lane in self._lanes.values():
                lane.reseed(seed)
        self._note(seed=seed)

    # ---------------------------------------------------------------- state

    def conditions(self, direction: str) -> Conditions:
        """Return the conditions in one direction."""
        return self._lane(direction).conditions

    def counts(self, direction: str) -> Counts:
        """Return the numbers of frames in one direction since the network was first used."""
        lane = self._lane(direction)
        with self._relay.lock:
            return replace(lane.counts)

    @property
    def whole(self) -> bool:
        """Whether there are no impairments."""
        return all(lane.conditions == Conditions() for lane in self._lanes.values())

    def as_json(self) -> dict[str, Any]:
        """Return seed, conditions and counts, for the evidence."""
        with self._relay.lock:
            lanes = {
                one.value: {
                    "conditions": lane.conditions.as_json(),
                    "frames": {**lane.counts.as_json(), "under_way": lane.waiting},
                }
                for one, lane in self._lanes.items()
            }
            return {"seed": self.seed, **lanes}

    def close(self) -> None:
        """End the relay; conditions and counts can still be read."""
        self.closed = True
        self._relay.close()

    # ---------------------------------------------------------------- implementation

    def _lane(self, direction: str) -> Lane:
        [one] = _directions(direction, both=False)
        return self._lanes[one]

    def _change(self, direction: str, **values: Any) -> Change:
        return self._remembering(dict.fromkeys(_directions(direction), values))

    def _remembering(self, changes: Mapping[Direction, Mapping[str, Any]]) -> Change:
        before = {
            one: {name: getattr(self._lanes[one].conditions, name) for name in values}
            for one, values in changes.items()
        }
        if self.closed or not self._relay.alive:
            raise NotRunning(
                "The network's device has ended: start it, and use its new `device.network`."
            )
        self._apply(changes)
        return Change(self, before)

    def _apply(self, changes: Mapping[Direction, Mapping[str, Any]]) -> None:
        new = {
            one: replace(self._lanes[one].conditions, **values) for one, values in changes.items()
        }
        with self._relay.lock:
            for one, conditions in new.items():
                self._lanes[one].change(conditions)
        self._note(**{one.value: conditions.as_json() for one, conditions in new.items()})


def _directions(name: str, *, both: bool = True) -> tuple[Direction, ...]:
    if name == BOTH and both:
        return tuple(Direction)
    found = tuple(one for one in Direction if one.value == name)
    if not found:
        choice = f"{TO_GUEST} or {TO_CLIENT}" if not both else f"{BOTH}, {TO_GUEST} or {TO_CLIENT}"
        raise ConfigError(f"unknown network direction {name!r}: use {choice}.")
    return found
