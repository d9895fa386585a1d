# SPDX-License-Identifier: MIT
"""Spares a session that uses nothing of pytest-embedded what pytest-embedded does in each test.

pytest-embedded comes along with espbench, and has each test of each project take some 60 fixtures
of its: that takes 2.6 ms, starts two processes, and a fixture of the project that is named `app`,
`port`, `target` or `count` is taken for its own. Where no test asks for a dut, none of that is
wanted.

Each session of a project imports this, so it imports nothing but pytest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import pytest

NAME = "pytest_embedded"
"""Of the package; pytest registers its plugin by that name when nobody names it."""
HOMES = ("pytest_embedded.plugin", "espbench.embedded.fixtures")
"""The modules with pytest-embedded's fixtures, and with espbench's in their place."""
AUTOUSE = frozenset(
    {"_mp_manager", "_stdout_lock", "close_factory_duts", "count", "parametrize_fixtures"}
)
"""What pytest-embedded has each test take."""
IMPORTED = frozenset({NAME, "DutFactory", "dut_factory"})
"""Names by which a module has pytest-embedded, to make duts without a fixture."""


class Options:
    """Stands for pytest's parser, to learn which options pytest-embedded has."""

    def __init__(self) -> None:
        """Begin with none."""
        self.defaults: dict[str, Any] = {}

    def getgroup(self, *_names: str) -> Options:
        """Return the group: all are one."""
        return self

    def addoption(self, *names: str, **attributes: Any) -> None:
        """Remember an option's default."""
        destination = attributes.get("dest") or names[-1].lstrip("-").replace("-", "_")
        switch = False if attributes.get("action") == "store_true" else None
        self.defaults[destination] = attributes.get("default", switch)


def asked(config: pytest.Config) -> bool:
    """Return whether somebody named pytest-embedded's plugin, or gave one of its options."""
    plugin = config.pluginmanager.get_plugin(NAME)
    if plugin is None:
        return True  # it has the name of its module when somebody named it
    options = Options()
    plugin.pytest_addoption(options)
    given = vars(config.option)
    return any(given.get(name) != default for name, default in options.defaults.items())


class Sparing:
    """Decides for each test; what is the same for many of them is looked at once."""

    def __init__(self) -> None:
        """Begin before any test is known."""
        self._asked: bool | None = None
        self._files: dict[Any, bool] = {}

    def spare(self, test: pytest.Item) -> None:
        """Have a test take nothing of pytest-embedded, unless something asks for it.

        Args:
            test: an item, or the definition of a function that becomes several.
        """
        # pytest tells in no public way what a test takes and why.
        info: Any = getattr(test, "_fixtureinfo", None)
        if info is None or AUTOUSE.isdisjoint(info.initialnames):
            return
        if self._asked is None:
            self._asked = asked(test.config)
        if self._asked:
            return
        wanted = _wanted(test, info)
        names = _closure(info, wanted)
        if any(_is_theirs(info, name) for name in names) or self._needs(test.path):
            return
        object.__setattr__(info, "initialnames", tuple(wanted))
        info.names_closure[:] = [name for name in info.names_closure if name in names]

    def _needs(self, path: Any) -> bool:
        """Return whether tests of a file may make duts without a fixture."""
        if path not in self._files:
            self._files[path] = _imported() or _says_so(path)
        return self._files[path]


def _imported() -> bool:
    """Return whether a module of the project has imported it."""
    return any(
        not IMPORTED.isdisjoint(getattr(module, "__dict__", ()))
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] not in (NAME, "espbench")
    )


def _says_so(path: Any) -> bool:
    """Return whether a file of tests names it, to import it when a test runs."""
    try:
        return NAME.encode() in path.read_bytes()
    except OSError:
        return True


def _wanted(item: pytest.Item, info: Any) -> list[str]:
    """Return the fixtures that a test takes, but for those that pytest-embedded has all take."""
    named = {*info.argnames, *item.config.getini("usefixtures")}
    for mark in item.iter_markers("usefixtures"):
        named.update(mark.args)
    return [
        name
        for name in info.initialnames
        if name not in AUTOUSE or name in named or _is_autouse_of_the_project(info, name)
    ]


def _is_autouse_of_the_project(info: Any, name: str) -> bool:
    """Return whether a project has a fixture of that name that all tests take, or may have."""
    definitions = info.name2fixturedefs.get(name, ())
    return (
        bool(definitions)
        and definitions[-1].func.__module__ not in HOMES
        and getattr(definitions[-1], "_autouse", True)  # pytest 8 does not tell
    )


def _is_theirs(info: Any, name: str) -> bool:
    definitions = info.name2fixturedefs.get(name, ())
    return bool(definitions) and definitions[-1].func.__module__ in HOMES


def _closure(info: Any, names: Iterable[str]) -> set[str]:
    """Return these fixtures and all that they take; one that takes its own name extends it."""
    found: set[str] = set()
    left = [(name, 1) for name in names]
    while left:
        name, depth = left.pop()
        found.add(name)
        definitions = info.name2fixturedefs.get(name, ())
        if depth > len(definitions):
            continue
        for other in definitions[-depth].argnames:
            if other == name:
                left.append((name, depth + 1))
            elif other not in found:
                left.append((other, 1))
    return found
