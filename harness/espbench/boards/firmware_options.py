# SPDX-License-Identifier: MIT
"""Parses what options say of a firmware that is not ours: its ports, and its readiness."""

from __future__ import annotations

from espbench.boards.readiness import ConsoleReadiness, HttpReadiness, Readiness
from espbench.errors import ConfigError

__all__ = ["chosen_readiness", "parse_ports"]


def parse_ports(text: str, option: str) -> dict[str, int]:
    """Return the ports in `http=8080,https=8443`, which this option has.

    Raises:
        ConfigError: it does not look like that.
    """
    ports = {}
    for item in text.split(","):
        scheme, equals, number = item.strip().partition("=")
        if not equals or scheme not in ("http", "https") or not number.isdecimal():
            raise ConfigError(
                f"{option}: {item.strip()!r} is no SCHEME=PORT: write http=8080,https=8443."
            )
        ports[scheme] = int(number)
    return ports


def chosen_readiness(console: str, http: str, prefix: str = "--") -> Readiness | None:
    """Return the readiness that the options ask for, or None for the board's own.

    Args:
        console: a regular expression, or "".
        http: a path, or "".
        prefix: what the options' names begin with, for messages.

    Raises:
        ConfigError: they contradict each other.
    """
    if console and http:
        raise ConfigError(
            f"{prefix}ready-console and {prefix}ready-http exclude each other: give one of them."
        )
    if console:
        return ConsoleReadiness(console)
    return HttpReadiness(http) if http else None
