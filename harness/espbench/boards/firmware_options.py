# SPDX-License-Identifier: MIT
"""Parses the options that describe other firmware: its ports and its readiness."""

from __future__ import annotations

from pathlib import Path

from espbench.boards.readiness import ConsoleReadiness, HttpReadiness, Readiness
from espbench.errors import ConfigError

__all__ = ["HIGHEST_PORT", "files_in", "parse_ports", "parse_readiness"]

HIGHEST_PORT = 65535


def parse_ports(text: str, option: str) -> dict[str, int]:
    """Return the ports in a value such as `http=8080,https=8443`.

    Args:
        text: the value.
        option: name of the option, for messages.

    Raises:
        ConfigError: the value is malformed, a port is out of range, or a scheme has two.
    """
    ports: dict[str, int] = {}
    for item in text.split(","):
        scheme, equals, number = item.strip().partition("=")
        if not equals or scheme not in ("http", "https") or not number.isdecimal():
            raise ConfigError(
                f"{option}: {item.strip()!r} is not SCHEME=PORT with the scheme http or https: "
                "write it like http=8080,https=8443."
            )
        if not 1 <= int(number) <= HIGHEST_PORT:
            raise ConfigError(f"{option}: port {number} is not between 1 and {HIGHEST_PORT}.")
        if scheme in ports:
            raise ConfigError(f"{option}: {scheme} has two ports: name one of them.")
        ports[scheme] = int(number)
    return ports


def files_in(folder: Path, option: str) -> dict[str, Path]:
    """Return the files below a folder, by their paths on the device.

    Args:
        folder: the content of the device's file system.
        option: name of the option, for messages.

    Raises:
        ConfigError: the folder does not exist, or is a file.
    """
    if folder.is_file():
        raise ConfigError(f"{folder} is a file: name the folder that it is in with {option}.")
    if not folder.is_dir():
        raise ConfigError(f"The folder {folder} does not exist: check {option}.")
    return {
        f"/{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def parse_readiness(console: str, http: str, prefix: str = "--") -> Readiness | None:
    """Return the readiness that the options ask for, or None for the board's own.

    Args:
        console: a regular expression, or "".
        http: a path, or "".
        prefix: prefix of the options' names, for messages.

    Raises:
        ConfigError: both are given.
    """
    if console and http:
        raise ConfigError(
            f"{prefix}ready-console and {prefix}ready-http cannot be combined: give only one."
        )
    if console:
        return ConsoleReadiness(console)
    return HttpReadiness(http) if http else None
