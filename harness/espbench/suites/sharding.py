# SPDX-License-Identifier: MIT
"""Shards: each CI job runs its part of the tests, and together they run each test once.

pytest-split does the work: it divides the tests, in order, into parts with equal recorded
durations, so tests of a module mostly stay together. This module only adds the notation I/N.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from espbench.errors import ConfigError

PLUGIN = "pytest-split"
"""The name of pytest-split's entry point."""
OPTION = "--espbench-shard"
"""pytest's option."""


@dataclass(frozen=True)
class Shard:
    """Part `index` of `count`, counted from 1."""

    index: int
    count: int

    def __str__(self) -> str:
        """Return it in the notation of the option, such as 2/8."""
        return f"{self.index}/{self.count}"


def parse(text: str, option: str = "--shard") -> Shard:
    """Return the shard that a text such as `2/8` denotes.

    Args:
        text: the value of the option.
        option: the option's name, for messages.

    Raises:
        ConfigError: the text is not of that form, or the part does not exist.
    """
    index, slash, count = text.partition("/")
    if not (slash and _is_number(index) and _is_number(count)):
        raise ConfigError(
            f"{option} {text!r} is not of the form I/N: write 2/8 for the second of eight parts."
        )
    shard = Shard(int(index), int(count))
    if not 1 <= shard.index <= shard.count:
        raise ConfigError(f"{option} {text} does not exist: use a first number from 1 to {count}.")
    return shard


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def apply(config: pytest.Config) -> None:
    """Pass `OPTION` on to pytest-split.

    Raises:
        ConfigError: the option is not a valid shard or contradicts pytest-split's own options, or
            pytest-split is not loaded, in which case every shard would run all tests.
    """
    text = config.getoption(OPTION)
    if text is None:
        return
    shard = parse(text, OPTION)
    if not config.pluginmanager.hasplugin(PLUGIN):
        raise ConfigError(
            f"{OPTION} {shard} needs the plugin pytest-split, which is not loaded: "
            "pip install pytest-split, and do not disable it with -p."
        )
    # xdist's workers get the controller's options, including those set here.
    if (config.option.splits, config.option.group) not in (
        (None, None),
        (shard.count, shard.index),
    ):
        raise ConfigError(
            f"{OPTION} {shard} contradicts --splits or --group: remove these options."
        )
    config.option.splits, config.option.group = shard.count, shard.index


def read_durations(path: Path) -> str:
    """Return the content of a file of recorded durations, after checking it.

    Raises:
        ConfigError: the file cannot be read, or does not contain durations.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The durations {path} cannot be read ({error}): give --durations a file that "
            "`espbench run` has recorded."
        ) from error
    if not _are_durations(text):
        raise ConfigError(
            f"{path} does not contain durations of tests: give --durations a file that "
            "`espbench run` has recorded."
        )
    return text


def _are_durations(text: str) -> bool:
    try:
        data = json.loads(text)
    except ValueError:
        return False
    return isinstance(data, dict) and all(
        isinstance(seconds, int | float) and seconds >= 0 for seconds in data.values()
    )
