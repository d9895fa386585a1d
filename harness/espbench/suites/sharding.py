# SPDX-License-Identifier: MIT
"""Shards: a session runs its part of the tests, and CI jobs together run each test once.

pytest-split does the work. It cuts the tests, in their order, into parts that took the same time
when they were recorded, so that tests of a module mostly stay together. Here is only its spelling
as I/N.
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
    """Part `index`, from 1 on, of `count`."""

    index: int
    count: int

    def __str__(self) -> str:
        """Return it as people write it, such as 2/8."""
        return f"{self.index}/{self.count}"


def parse(text: str, option: str = "--shard") -> Shard:
    """Return the shard that `2/8` names, which this option has.

    Raises:
        ConfigError: it does not look like that, or there is no such part.
    """
    index, slash, count = text.partition("/")
    if not (slash and _is_number(index) and _is_number(count)):
        raise ConfigError(f"{option} {text!r} is no I/N: write 2/8 for the second of eight parts.")
    shard = Shard(int(index), int(count))
    if not 1 <= shard.index <= shard.count:
        raise ConfigError(
            f"{option} {text} is no part of {count}: the first number goes from 1 to the second."
        )
    return shard


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def apply(config: pytest.Config) -> None:
    """Hand `OPTION` to pytest-split.

    Raises:
        ConfigError: it is no shard, contradicts pytest-split's own options, or pytest-split is not
            loaded: all tests would run in every shard then.
    """
    text = config.getoption(OPTION)
    if text is None:
        return
    shard = parse(text, OPTION)
    if not config.pluginmanager.hasplugin(PLUGIN):
        raise ConfigError(
            f"{OPTION} {shard} needs the plugin pytest-split, which is not loaded: "
            "pip install pytest-split, and do not switch it off with -p."
        )
    # xdist's workers get the controller's options, those that are set here among them.
    if (config.option.splits, config.option.group) not in (
        (None, None),
        (shard.count, shard.index),
    ):
        raise ConfigError(f"{OPTION} {shard} and --splits or --group exclude each other.")
    config.option.splits, config.option.group = shard.count, shard.index


def read_durations(path: Path) -> str:
    """Return the content of a file of recorded durations, checked.

    Raises:
        ConfigError: it is missing, or is none.
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
            f"{path} has no durations of tests: give --durations a file that `espbench run` has "
            "recorded."
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
