# SPDX-License-Identifier: MIT
"""What `--qemu-cli-args` and `--qemu-extra-args` mean for a machine that has most of it already."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from espbench.errors import ConfigError

MACHINE = "esp32"
"""What pytest-embedded starts when nobody names a machine."""
_NETWORKS = ("-nic", "-net", "-netdev")


@dataclass(frozen=True)
class Theirs:
    """pytest-embedded's arguments for QEMU, taken apart.

    Attributes:
        machine: QEMU's name of it; None: they name none.
        rules: ports that they forward, as in `hostfwd=`.
        extra: all else.
    """

    machine: str | None = None
    rules: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


def theirs(cli: str | None, extra: str | None) -> Theirs:
    """Take both apart; pure.

    Raises:
        ConfigError: they bring a network that is not the one that espbench brings.
    """
    # pytest-embedded takes quotes around the first one away, too.
    words = iter([*shlex.split((cli or "").strip("\"'")), *shlex.split(extra or "")])
    machine: str | None = None
    rules: list[str] = []
    rest: list[str] = []
    for word in words:
        if word == "-nographic":
            continue  # the console is a socket: with -nographic Ctrl-A would be QEMU's
        if word in ("-machine", "-M"):
            machine = next(words, "").partition(",")[0]
        elif word in _NETWORKS:
            rules += _rules(word, next(words, ""))
        elif word == "-serial":
            value = next(words, "")
            rest += [] if value in ("stdio", "mon:stdio") else [word, value]
        else:
            rest.append(word)
    return Theirs(machine, tuple(rules), tuple(rest))


def _rules(option: str, value: str) -> list[str]:
    """Return the ports that a NIC forwards, when it is otherwise like the one that is there."""
    kind, *settings = value.split(",")
    known = [setting.partition("=") for setting in settings]
    if option != "-nic" or kind != "user" or any(_unknown(key, text) for key, _, text in known):
        raise ConfigError(
            f"espbench gives a dut its network and cannot take `{option} {value}` from "
            "--qemu-cli-args or --qemu-extra-args: leave it away, or leave pytest-embedded's own "
            "QEMU alone with --espbench-dut=off."
        )
    return [text for key, _, text in known if key == "hostfwd"]


def _unknown(key: str, value: str) -> bool:
    return key not in ("hostfwd", "id") and (key, value) != ("model", "open_eth")
