# SPDX-License-Identifier: MIT
"""Parses `--qemu-cli-args` and `--qemu-extra-args` for a machine that is mostly set up already."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from espbench.errors import ConfigError

MACHINE = "esp32"
"""pytest-embedded's default machine."""
_NETWORKS = ("-nic", "-net", "-netdev")


@dataclass(frozen=True)
class Theirs:
    """pytest-embedded's arguments for QEMU, parsed.

    Attributes:
        machine: QEMU's name of the machine, or None if not given.
        rules: port forwarding rules, as in `hostfwd=`.
        extra: all other arguments.
    """

    machine: str | None = None
    rules: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()


def theirs(cli: str | None, extra: str | None) -> Theirs:
    """Parse the values of both options.

    Raises:
        ConfigError: they set up a network other than espbench's.
    """
    # pytest-embedded also strips quotes around the value of the first option.
    words = iter([*shlex.split((cli or "").strip("\"'")), *shlex.split(extra or "")])
    machine: str | None = None
    rules: list[str] = []
    rest: list[str] = []
    for word in words:
        if word == "-nographic":
            continue  # the console is a socket; with -nographic QEMU would intercept Ctrl-A
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
    """Return the port forwarding rules of a NIC that is otherwise like espbench's."""
    kind, *settings = value.split(",")
    known = [setting.partition("=") for setting in settings]
    if option != "-nic" or kind != "user" or any(_unknown(key, text) for key, _, text in known):
        raise ConfigError(
            f"espbench sets up the network of a dut and cannot accept `{option} {value}` from "
            "--qemu-cli-args or --qemu-extra-args: remove it, or use pytest-embedded's own QEMU "
            "with --espbench-dut=off."
        )
    return [text for key, _, text in known if key == "hostfwd"]


def _unknown(key: str, value: str) -> bool:
    return key not in ("hostfwd", "id") and (key, value) != ("model", "open_eth")
