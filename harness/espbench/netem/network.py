# SPDX-License-Identifier: MIT
"""`device.network`, `Network`: the methods with which a test impairs the network."""

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
"""For the random numbers, unless a test says otherwise: a run repeats."""

BOTH = "both"
TO_GUEST = Direction.TO_GUEST.value
TO_CLIENT = Direction.TO_CLIENT.value


class Change:
    """A change that holds from now on, or, when a `with` holds it, to the end of that block."""

    def __init__(self, network: Network, before: Mapping[Direction, Mapping[str, Any]]) -> None:
        """Remember what the changed conditions were before."""
        self._network = network
        self._before = before

    def undo(self) -> None:
        """Give the changed conditions back the values that they had."""
        self._network._apply(self._before)

    def __enter__(self) -> Self:
        """Return the change, which holds already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take it back."""
        self.undo()


class Network:
    """The wire between slirp, where clients arrive, and the guest's NIC.

    It breaks Ethernet frames, so what repairs it is the TCP of the guest's lwIP and of slirp. Each
    method holds from now on and returns a `Change`, which a `with` takes back at its end:

        with device.network.loss(0.05), device.network.delay(0.15):
            ...

    `direction` is "both", "to_guest" or "to_client".
    """

    def __init__(
        self, relay: Relay, lanes: Mapping[Direction, Lane], seed: int, note: Callable[..., object]
    ) -> None:
        """Take over a relay.

        Args:
            relay: carries the frames of `lanes`.
            lanes: one for each direction.
            seed: what they were made with.
            note: is told of every change, by keyword.
        """
        self._relay = relay
        self._lanes = dict(lanes)
        self._note = note
        self.seed = seed
        """What the random numbers come from; see `reseed`."""
        self.closed = False
        """Whether its device has ended."""

    # ---------------------------------------------------------------- what can break

    def loss(self, fraction: float, *, direction: str = BOTH, everything: bool = False) -> Change:
        """Lose this fraction of the frames, by chance.

        ARP and DHCP are spared unless `everything` is true: a lost one costs seconds of silence
        that have nothing to do with the connections that a test is about.

        Raises:
            ConfigError: it is no fraction.
        """
        return self._change(direction, loss=fraction, everything=everything)

    def delay(self, seconds: float, *, jitter: float = 0.0, direction: str = BOTH) -> Change:
        """Let every frame take so many seconds, give or take `jitter`, in order.

        That is one way: with both directions a round trip takes twice as long.

        Raises:
            ConfigError: these are no seconds from 0 to a minute, or the jitter is more.
        """
        return self._change(direction, delay=seconds, jitter=jitter)

    def reorder(self, fraction: float, *, hold: float = 0.02, direction: str = BOTH) -> Change:
        """Hold this fraction of the frames, by chance, for `hold` seconds; others overtake them.

        Raises:
            ConfigError: it is no fraction.
        """
        return self._change(direction, reorder=fraction, hold=hold)

    def rate(self, bytes_per_second: float, *, direction: str = BOTH) -> Change:
        """Let no more bytes of frames through in a second; the others wait, however many they are.

        Raises:
            ConfigError: it is no rate.
        """
        return self._change(direction, rate=bytes_per_second)

    def window(self, size: int, *, direction: str = BOTH) -> Change:
        """Let no more than `size` bytes of a connection be under way in this direction.

        The windows that the other end advertises are made smaller. Say so before the connection is
        opened: a sender that has seen a big window waits for one that is worth a segment.

        Raises:
            ConfigError: it is no window.
        """
        changes = {one.other: {"window": size} for one in _directions(direction)}
        return self._remembering(changes)

    def cut(self, *, direction: str = BOTH) -> Change:
        """Let nothing through, not even what is under way, until `restore`."""
        return self._change(direction, cut=True)

    def restore(self) -> None:
        """End every cut; what else is broken stays."""
        self._change(BOTH, cut=False)

    def vanish(self, port: int) -> Change:
        """Let the client with this source port vanish: no frame of its connection gets through.

        Neither end is told. slirp gives the guest the client's own source port.

        Raises:
            ConfigError: it is no port.
        """
        changes = {
            one: {"vanished": lane.conditions.vanished | {port}}
            for one, lane in self._lanes.items()
        }
        return self._remembering(changes)

    def clear(self) -> None:
        """Make the network whole; frames that are delayed still take their time."""
        whole = {part.name: part.default for part in fields(Conditions)}
        self._remembering(dict.fromkeys(self._lanes, whole))

    def reseed(self, seed: int = SEED) -> None:
        """Begin the random numbers anew, from this seed."""
        with self._relay.lock:
            self.seed = seed
            for lane in self._lanes.values():
                lane.reseed(seed)
        self._note(seed=seed)

    # ---------------------------------------------------------------- what is and was

    def conditions(self, direction: str) -> Conditions:
        """Return what happens to frames in one direction."""
        return self._lane(direction).conditions

    def counts(self, direction: str) -> Counts:
        """Return how many frames met what in one direction, since the network was first used."""
        lane = self._lane(direction)
        with self._relay.lock:
            return replace(lane.counts)

    @property
    def whole(self) -> bool:
        """Whether nothing is broken."""
        return all(lane.conditions == Conditions() for lane in self._lanes.values())

    def as_json(self) -> dict[str, Any]:
        """Return all about it, for the evidence."""
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
        """End the relay; what is known about the network stays."""
        self.closed = True
        self._relay.close()

    # ---------------------------------------------------------------- how

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
                "The network's device has ended: start it, and take its new `device.network`."
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
        raise ConfigError(f"{name!r} is no direction of a network: use {choice}.")
    return found
