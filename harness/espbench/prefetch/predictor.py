# SPDX-License-Identifier: MIT
"""`Forecast`: predicts which devices the next tests will request, and with which options.

Markers are known in advance. The values of the fixtures `device_options`, `firmware` and `board`
are assumed to be the same as for the last test in the same place. After one wrong prediction in a
place, nothing is predicted there again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from espbench.boards.board import Board
from espbench.device.device import Device
from espbench.prefetch.pool import Order
from espbench.prefetch.prebooted import Kind

Options = Mapping[str, Any]
FIXTURES: Mapping[Kind, tuple[str, ...]] = {
    "device": ("device_options", "device_factory", "device", "firmware", "board"),
    "shared_device": ("shared_device_options", "shared_device", "firmware", "board"),
}
"""The fixtures that determine a test's device; an override of one defines a separate place."""
Place = tuple[Kind, str]
"""Where the same fixtures apply: a folder, or a module or class that overrides some."""
SPAN = 8
"""Number of tests without a device to skip when looking ahead."""


@dataclass(frozen=True)
class LastUse:
    """The last request of the tests in one place.

    Attributes:
        board, firmware: the board and firmware that booted.
        options: the value of the fixture for options.
    """

    board: Board
    firmware: Path
    options: Options


def merged(*parts: Options) -> dict[str, Any]:
    """Return all options in one mapping; later ones win, and nested mappings are merged."""
    result: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            if isinstance(value, Mapping) and isinstance(result.get(name), Mapping):
                result[name] = {**result[name], **value}
            else:
                result[name] = value
    return result


def will_run(item: pytest.Item) -> bool:
    """Return whether a test's marks let it run; a condition given as a string counts as true."""
    if item.get_closest_marker("skip"):
        return False
    if any(any(mark.args) or mark.kwargs.get("condition") for mark in item.iter_markers("skipif")):
        return False
    return all(mark.kwargs.get("run", True) for mark in item.iter_markers("xfail"))


def place_of(item: pytest.Item | pytest.Module, kind: Kind) -> Place:
    """Return the place whose fixtures determine the test's device."""
    names = FIXTURES[kind]
    parametrized = getattr(getattr(item, "callspec", None), "params", {})
    if any(name in parametrized for name in names):
        return kind, item.nodeid
    cls, module = getattr(item, "cls", None), getattr(item, "module", None)
    if cls is not None and any(hasattr(cls, name) for name in names):
        return kind, f"{item.path}::{cls.__qualname__}"
    if any(hasattr(module, name) for name in names):
        return kind, str(item.path)
    return kind, str(item.path.parent)


@dataclass
class Forecast:
    """Learns from past tests what the next ones will request.

    Attributes:
        common: returns the session's options.
        marked: returns the options in a node's markers, outermost first.
    """

    common: Callable[[], Options]
    marked: Callable[[pytest.Item | pytest.Collector], Sequence[Options]]
    _uses: dict[Place, LastUse] = field(default_factory=dict)
    _wrong: set[Place] = field(default_factory=set)
    _served: set[pytest.Module] = field(default_factory=set)

    def learn(self, node: pytest.Item | pytest.Module, kind: Kind, use: LastUse) -> None:
        """Remember the values of the fixtures of a test or a module."""
        self._uses[place_of(node, kind)] = use
        if isinstance(node, pytest.Module):
            self._served.add(node)

    def was_wrong(self, item: pytest.Item, kind: Kind) -> None:
        """Stop predicting in the place of this test."""
        self._wrong.add(place_of(item, kind))

    def orders(self, coming: Sequence[pytest.Item], count: int) -> list[Order]:
        """Return the first `count` devices that the coming tests are expected to request."""
        found: list[Order] = []
        modules = set(self._served)
        for other in coming[: count + SPAN]:
            if len(found) >= count:
                break
            if will_run(other):
                found += self._of(other, modules)
        return found[:count]

    def _of(self, item: pytest.Item, modules: set[pytest.Module]) -> Iterator[Order]:
        """Yield one test's expected requests; `modules` have, or have ordered, their device."""
        names = getattr(item, "fixturenames", ())
        module = item.getparent(pytest.Module)
        if "shared_device" in names and module is not None and module not in modules:
            modules.add(module)
            yield from self._order(item, "shared_device", module)
        if "device" in names and "dut" not in names:
            yield from self._order(item, "device", item)

    def _order(
        self, item: pytest.Item, kind: Kind, node: pytest.Item | pytest.Collector
    ) -> Iterator[Order]:
        place = place_of(item, kind)
        use = self._uses.get(place)
        if use is None or place in self._wrong:
            return
        options = merged(self.common(), use.options, *self.marked(node))
        if options.get("tap") is not None or options.get("record"):
            return  # a tap must not see a device without a test; a recording cannot be paused
        try:
            device = Device(**{"board": use.board, "firmware": use.firmware, **options})
        except Exception:  # noqa: BLE001 (options may be anything)
            return  # the test itself will report what is wrong with them
        yield Order((item.nodeid, kind), device)


__all__ = ["FIXTURES", "Forecast", "LastUse", "merged", "place_of", "will_run"]
