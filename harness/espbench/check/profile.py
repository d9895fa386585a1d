# SPDX-License-Identifier: MIT
"""`Profile`: what a user says about a firmware that cannot be found out; read from TOML.

Either `espbench.toml`, or the table `[tool.espbench]` in `pyproject.toml`.
"""

from __future__ import annotations

import math
import re
import ssl
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espbench.boards.firmware_options import HIGHEST_PORT
from espbench.check.server import WebSocketPath
from espbench.clients.tls import Tls
from espbench.errors import ConfigError

__all__ = ["ExpectedAnswer", "Profile", "read_profile"]

PYPROJECT = "pyproject.toml"
SCHEMES = ("http", "https")
STATUSES = (100, 599)
"""The lowest and the highest status (RFC 9110, section 15)."""
LEAST_TIMEOUT = 0.1
"""Seconds: in less, no emulated device is ready."""

_HEADER = re.compile(r"\s*\[{1,2}([^\[\]]+)\]")


@dataclass(frozen=True)
class ExpectedAnswer:
    """A path with the answer that it has to give.

    Attributes:
        path: the path.
        status: the expected status.
        body: text that the body contains, or "".
    """

    path: str
    status: int = 200
    body: str = ""


@dataclass(frozen=True)
class Profile:
    """What is known about a firmware.

    Attributes:
        elf: its ELF file, or None.
        files: folder with the content of its file system, or None.
        files_partition: label of the partition for them; "" for the only one.
        ready_console: regular expression that it prints when it is ready, or "".
        ready_http: path that it answers when it is ready, or "".
        ready_timeout: seconds (before scaling) until then, or None.
        ports: its ports, by URL scheme.
        paths: paths and their answers.
        websockets: paths that upgrade.
        certificate, key: where they lie on the device, or "".
        headers: header fields that each request needs, such as Authorization.
        tls_sessions: how many TLS sessions it has to serve at once, or None.
        client_certificate, client_key: PEM files of a client's certificate and private key, for
            servers that ask for one; None: none, or the key is in the same file.
    """

    elf: Path | None = None
    files: Path | None = None
    ready_console: str = ""
    ready_http: str = ""
    ready_timeout: float | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    paths: Sequence[ExpectedAnswer] = ()
    websockets: Sequence[WebSocketPath] = ()
    certificate: str = ""
    key: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    tls_sessions: int | None = None
    files_partition: str = ""
    client_certificate: Path | None = None
    client_key: Path | None = None

    @property
    def tls(self) -> Tls:
        """The TLS options of clients, which verify nothing."""
        return Tls(verify=False, certificate=self.client_certificate, key=self.client_key)


def _dotted(key: str) -> str:
    """Return a key as it stands in TOML without its quotes and spaces: `a . "b"` is a.b."""
    return ".".join(part.strip(" \t\"'") for part in key.split("."))


def _line_of(text: str, table: str, entry: int, key: str) -> int:
    """Return the line, from 1, that gives a key its value; 0 if none is found; pure.

    That is the line of the key, of the inline table that it is in, or of its table's header.

    Args:
        text: the TOML file.
        table: the key's table, such as "firmware.ports"; "" at the top.
        entry: which entry of an array of tables it is, from 1.
        key: the key.
    """
    wanted = f"{table}.{key}".lstrip(".")
    best, line = "", 0
    header, seen = "", int(not table)
    for number, each in enumerate(text.splitlines(), 1):
        if found := _HEADER.match(each):
            header = name = _dotted(found[1])
            seen += header == table
        else:
            name = f"{header}.{_dotted(each.partition('=')[0])}".lstrip(".")
        if header == table and seen != entry:
            continue  # another entry of the array
        if f"{wanted}.".startswith(f"{name}.") and len(name) > len(best):
            best, line = name, number
    return line


class _Reader:
    """Reads a TOML table key by key; errors name the line of the key."""

    def __init__(
        self, path: Path, text: str, table: Mapping[str, Any], where: str = "", entry: int = 1
    ) -> None:
        self._path, self._text, self._table, self._where = path, text, dict(table), where
        self._entry = entry

    def error(self, key: str, problem: str) -> ConfigError:
        """Return an error about a key."""
        top = "tool.espbench." if self._path.name == PYPROJECT else ""
        table = f"{top}{self._where}".rstrip(".")
        number = _line_of(self._text, table, self._entry, key)
        place = f"{self._path}:{number}" if number else str(self._path)
        return ConfigError(f"{place}: {self._where}{key} {problem}.")

    def take(self, key: str, kind: type, default: Any) -> Any:
        """Return the value of a key, which must be of this type, and count it as known."""
        if key not in self._table:
            return default
        value = self._table.pop(key)
        number = kind is float and isinstance(value, int) and not isinstance(value, bool)
        fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if not (fits or number):
            names = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}
            wanted = names.get(kind, "an array of tables" if kind is list else "a table")
            raise self.error(key, f"must be {wanted}, not {value!r}")
        return value

    def number(
        self, key: str, kind: type, default: Any, least: float, most: float = math.inf
    ) -> Any:
        """Return a number that must be in a range, both ends included; its default need not be."""
        given = key in self._table
        value = self.take(key, kind, default)
        if given and not (least <= value <= most and math.isfinite(value)):
            wanted = f"{least:g} or more" if most == math.inf else f"from {least:g} to {most:g}"
            raise self.error(key, f"must be {wanted}, not {value!r}")
        return value

    def pattern(self, key: str) -> str:
        """Return a regular expression; "" if there is none."""
        value = self.take(key, str, "")
        try:
            re.compile(value)
        except re.error as error:
            raise self.error(key, f"is not a regular expression: {error}") from None
        return str(value)

    def table(self, key: str) -> _Reader:
        """Return the reader of a table."""
        return _Reader(self._path, self._text, self.take(key, dict, {}), f"{self._where}{key}.")

    def tables(self, key: str) -> list[_Reader]:
        """Return the readers of an array of tables."""
        found = self.take(key, list, [])
        if not all(isinstance(each, dict) for each in found):
            raise self.error(key, "must be an array of tables, such as [[paths]]")
        return [
            _Reader(self._path, self._text, each, f"{self._where}{key}.", entry)
            for entry, each in enumerate(found, 1)
        ]

    def required(self, key: str, kind: type) -> Any:
        """Return the value of a key that must be there."""
        if key not in self._table:
            raise self.error(key, "is missing: each entry needs it")
        return self.take(key, kind, None)

    def strings(self, key: str) -> dict[str, str]:
        """Return a table of strings."""
        table = self.table(key)
        return {name: table.take(name, str, "") for name in list(table._table)}

    def done(self, *known: str) -> None:
        """Check that no key is left."""
        for key in self._table:
            raise self.error(key, f"is unknown: use {', '.join(known)}")


def read_profile(path: Path) -> Profile:
    """Return the profile in a TOML file; paths in it are relative to the file.

    Raises:
        ConfigError: the file cannot be read, or has an unknown key or a value of a wrong type.
    """
    try:
        text = path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{path} cannot be read ({why}): check --profile.") from None
    if path.name == PYPROJECT:
        table = table.get("tool", {}).get("espbench", {})
    return _profile(_Reader(path, text, table), path.parent)


def _ports(table: _Reader) -> dict[str, int]:
    found = {scheme: table.number(scheme, int, None, 1, HIGHEST_PORT) for scheme in SCHEMES}
    table.done(*SCHEMES)
    return {scheme: port for scheme, port in found.items() if port is not None}


def _profile(top: _Reader, base: Path) -> Profile:
    firmware = top.table("firmware")
    elf, files = (firmware.take(key, str, "") for key in ("elf", "files"))
    ports = _ports(firmware.table("ports"))
    certificates = top.table("certificates")
    client = top.table("client")
    own, own_key = (client.take(key, str, "") for key in ("certificate", "key"))
    if own_key and not own:
        raise client.error("key", "needs a certificate beside it")
    limits = top.table("limits")
    answers, websockets = [], []
    for each in top.tables("paths"):
        answers.append(
            ExpectedAnswer(
                each.required("path", str),
                each.number("status", int, 200, *STATUSES),
                each.take("body", str, ""),
            )
        )
        each.done("path", "status", "body")
    for each in top.tables("websockets"):
        websockets.append(
            WebSocketPath(
                each.required("path", str),
                each.take("echo", bool, False),
                each.take("subprotocol", str, ""),
            )
        )
        each.done("path", "echo", "subprotocol")
    made = Profile(
        elf=base / elf if elf else None,
        files=base / files if files else None,
        files_partition=firmware.take("files-partition", str, ""),
        ready_console=firmware.pattern("ready-console"),
        ready_http=firmware.take("ready-http", str, ""),
        ready_timeout=firmware.number("ready-timeout", float, None, LEAST_TIMEOUT),
        ports=ports,
        paths=tuple(answers),
        websockets=tuple(websockets),
        certificate=certificates.take("certificate", str, ""),
        key=certificates.take("key", str, ""),
        headers=top.strings("headers"),
        tls_sessions=limits.number("tls-sessions", int, None, 1),
        client_certificate=base / own if own else None,
        client_key=base / own_key if own_key else None,
    )
    firmware.done(
        "elf", "files", "files-partition", "ready-console", "ready-http", "ready-timeout", "ports"
    )
    certificates.done("certificate", "key")
    client.done("certificate", "key")
    limits.done("tls-sessions")
    top.done("firmware", "paths", "websockets", "certificates", "client", "headers", "limits")
    for name, value in (
        ("firmware.files", made.files),
        ("firmware.elf", made.elf),
        ("client.certificate", made.client_certificate),
        ("client.key", made.client_key),
    ):
        if value is not None and not value.exists():
            raise ConfigError(f"{value} does not exist: check {name} in the profile.")
    try:
        made.tls.context()
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"{made.client_certificate} and its private key cannot be used ({error}): check "
            "client.certificate and client.key in the profile, which name PEM files."
        ) from None
    return made
