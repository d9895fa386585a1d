# SPDX-License-Identifier: MIT
"""`Profile`: what a user says about a firmware that cannot be found out; read from TOML.

Either `espbench.toml`, or the table `[tool.espbench]` in `pyproject.toml`.
"""

from __future__ import annotations

import ssl
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from espbench.check.server import WebSocketPath
from espbench.clients.tls import Tls
from espbench.errors import ConfigError

__all__ = ["ExpectedAnswer", "Profile", "read_profile"]


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


class _Reader:
    """Reads a TOML table key by key; errors name the line of the key."""

    def __init__(self, path: Path, text: str, table: Mapping[str, Any], where: str = "") -> None:
        self._path, self._text, self._table, self._where = path, text, dict(table), where

    def error(self, key: str, problem: str) -> ConfigError:
        """Return an error about a key."""
        lines = self._text.splitlines()
        number = next(
            (n for n, line in enumerate(lines, 1) if line.split("=")[0].strip(" []\"'") == key), 0
        )
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

    def table(self, key: str) -> _Reader:
        """Return the reader of a table."""
        return _Reader(self._path, self._text, self.take(key, dict, {}), f"{self._where}{key}.")

    def tables(self, key: str) -> list[_Reader]:
        """Return the readers of an array of tables."""
        found = self.take(key, list, [])
        if not all(isinstance(each, dict) for each in found):
            raise self.error(key, "must be an array of tables, such as [[paths]]")
        return [_Reader(self._path, self._text, each, f"{self._where}{key}.") for each in found]

    def required(self, key: str, kind: type) -> Any:
        """Return the value of a key that must be there."""
        if key not in self._table:
            raise ConfigError(f"{self._path}: an entry of {self._where[:-1]} lacks {key}.")
        return self.take(key, kind, None)

    def strings(self, key: str) -> dict[str, str]:
        """Return a table of strings."""
        table: dict[str, str] = self.take(key, dict, {})
        for name, value in table.items():
            if not isinstance(value, str):
                raise self.error(name, f"must be a string, not {value!r}")
        return table

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
    if path.name == "pyproject.toml":
        table = table.get("tool", {}).get("espbench", {})
    return _profile(_Reader(path, text, table), path.parent)


def _profile(top: _Reader, base: Path) -> Profile:
    firmware = top.table("firmware")
    elf, files = (firmware.take(key, str, "") for key in ("elf", "files"))
    ports = firmware.take("ports", dict, {})
    for scheme, port in ports.items():
        if scheme not in ("http", "https") or not isinstance(port, int):
            raise firmware.error(scheme, "is not a port: write ports = {http = 80, https = 443}")
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
                each.take("status", int, 200),
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
        ready_console=firmware.take("ready-console", str, ""),
        ready_http=firmware.take("ready-http", str, ""),
        ready_timeout=firmware.take("ready-timeout", float, None),
        ports=ports,
        paths=tuple(answers),
        websockets=tuple(websockets),
        certificate=certificates.take("certificate", str, ""),
        key=certificates.take("key", str, ""),
        headers=top.strings("headers"),
        tls_sessions=limits.take("tls-sessions", int, None),
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
