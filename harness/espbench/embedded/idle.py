# SPDX-License-Identifier: MIT
"""Removes pytest-embedded's autouse fixtures from tests that do not use pytest-embedded.

espbench depends on pytest-embedded, which makes each test of each project use some 60 of its
fixtures. That takes 2.6 ms and starts two processes, and it mistakes a project's fixture named
`app`, `port`, `target` or `count` for its own. A test without a dut needs none of that.

Every session with pytest-embedded imports this module, so it imports only pytest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import pytest

NAME = "pytest_embedded"
"""Name of the package, and of its plugin unless that is loaded with -p."""
HOMES = ("pytest_embedded.plugin", "espbench.embedded.fixtures")
"""Modules with pytest-embedded's fixtures and espbench's overrides."""
AUTOUSE = frozenset(
    {"_mp_manager", "_stdout_lock", "close_factory_duts", "count", "parametrize_fixtures"}
)
"""Autouse fixtures of pytest-embedded."""
IMPORTED = frozenset({NAME, "DutFactory", "dut_factory"})
"""Names in a module that imports pytest-embedded to create duts without a fixture."""


class Options:
    """Stand-in for pytest's parser that collects pytest-embedded's options."""

    def __init__(self) -> None:
        """Start without options."""
        self.defaults: dict[str, Any] = {}

    def getgroup(self, *_names: str) -> Options:
        """Return this object as the group."""
        return self

    def addoption(self, *names: str, **attributes: Any) -> None:
        """Record an option's default."""
        destination = attributes.get("dest") or names[-1].lstrip("-").replace("-", "_")
        switch = False if attributes.get("action") == "store_true" else None
        self.defaults[destination] = attributes.get("default", switch)


def asked(config: pytest.Config) -> bool:
    """Return whether the plugin was loaded with -p, or one of its options was given."""
    plugin = config.pluginmanager.get_plugin(NAME)
    if plugin is None:
        return True  # loaded with -p, it is registered by its module's name
    options = Options()
    plugin.pytest_addoption(options)
    given = vars(config.option)
    return any(given.get(name) != default for name, default in options.defaults.items())


class Sparing:
    """Decides for each test whether to remove the fixtures, and caches shared checks."""

    def __init__(self) -> None:
        """Start with an empty cache."""
        self._asked: bool | None = None
        self._files: dict[Any, bool] = {}

    def spare(self, test: pytest.Item) -> None:
        """Remove pytest-embedded's fixtures from a test, unless it uses pytest-embedded.

        Args:
            test: an item, or the definition of a function before parametrization.
        """
        # pytest has no public API for the fixtures of a test and their origin.
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
        """Return whether tests of a file may create duts without a fixture."""
        if path not in self._files:
            self._files[path] = _imported() or _mentioned(path)
        return self._files[path]


def _imported() -> bool:
    """Return whether a module of the project has imported pytest-embedded."""
    return any(
        not IMPORTED.isdisjoint(getattr(module, "__dict__", ()))
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] not in (NAME, "espbench")
    )


def _mentioned(path: Any) -> bool:
    """Return whether a test file names pytest-embedded, and may import it at run time."""
    try:
        return NAME.encode() in path.read_bytes()
    except OSError:
        return True


def _wanted(item: pytest.Item, info: Any) -> list[str]:
    """Return the fixtures that a test uses, without pytest-embedded's autouse fixtures."""
    named = {*info.argnames, *item.config.getini("usefixtures")}
    for mark in item.iter_markers("usefixtures"):
        named.update(mark.args)
    return [
        name
        for name in info.initialnames
        if name not in AUTOUSE or name in named or _is_autouse_of_the_project(info, name)
    ]


def _is_autouse_of_the_project(info: Any, name: str) -> bool:
    """Return whether a project has, or may have, an autouse fixture of that name."""
    definitions = info.name2fixturedefs.get(name, ())
    return (
        bool(definitions)
        and definitions[-1].func.__module__ not in HOMES
        and getattr(definitions[-1], "_autouse", True)  # unknown in pytest 8
    )


def _is_theirs(info: Any, name: str) -> bool:
    definitions = info.name2fixturedefs.get(name, ())
    return bool(definitions) and definitions[-1].func.__module__ in HOMES


def _closure(info: Any, names: Iterable[str]) -> set[str]:
    """Return these fixtures and their dependencies; a fixture that requests itself extends one."""
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
