# SPDX-License-Identifier: MIT
"""The WebREPL's password of a device that people boot: its own, and never the built-in one.

The default application (`firmware/app/bench_app.py`) takes it from /config.json. So it gets
there in the flash image, which only this user can read, and is on no command line.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espbench.errors import ConfigError

VARIABLE = "ESPBENCH_WEBREPL_PASSWORD"
"""The environment variable that sets it: unlike an option, other users cannot read it in `ps`."""
CONFIG, MAIN = "/config.json", "/main.py"
MODULE = "webrepl"
LONGEST = 128
"""Characters that the WebREPL takes."""
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Without l, o, 0 and 1, which are mistaken for one another."""
LENGTH = 12
"""Characters, of 5 bits each."""


@dataclass(frozen=True)
class Access:
    """The files of a device whose WebREPL has a password of its own.

    Attributes:
        files: content, or the path of a file here, by path on the device.
        password: the WebREPL's; None when a file of the user's sets it.
        source: that file's path on the device, or "".
    """

    files: Mapping[str, Any]
    password: str | None
    source: str = ""


def random_password() -> str:
    """Return a password that nobody can guess: 60 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def chosen_password(environment: Mapping[str, str]) -> str:
    """Return the password that the environment names, or a random one.

    Raises:
        ConfigError: it is longer than the WebREPL takes, or cannot be typed.
    """
    named = environment.get(VARIABLE, "")
    if not named:
        return random_password()
    if len(named) > LONGEST or not (named.isascii() and named.isprintable()):
        raise ConfigError(
            f"{VARIABLE} is not a password that the WebREPL takes: use at most {LONGEST} printable "
            "ASCII characters."
        )
    return named


def with_password(files: Mapping[str, Any], password: str) -> Access:
    """Return the files with a password for the default application's WebREPL.

    A /main.py takes that application's place, and starts the WebREPL with a password of its own or
    not at all. A /config.json that has a password keeps it.

    Raises:
        ConfigError: /config.json is not a JSON object, so the built-in password would stay.
    """
    if MAIN in files:
        return Access(files, None, MAIN)
    config = _config(files[CONFIG]) if CONFIG in files else {}
    options = config.get(MODULE, {})
    if not isinstance(options, dict):
        raise ConfigError(f'{CONFIG} has no object under "{MODULE}": correct it.')
    if "password" in options:
        return Access(files, None, CONFIG)
    config[MODULE] = {**options, "password": password}
    return Access({**files, CONFIG: json.dumps(config).encode()}, password)


def _config(content: Any) -> dict[str, Any]:
    data = content.read_bytes() if isinstance(content, Path) else content
    try:
        config = json.loads(data)
    except ValueError as error:
        raise ConfigError(f"{CONFIG} is not JSON ({error}): correct it.") from None
    if not isinstance(config, dict):
        raise ConfigError(f"{CONFIG} is not a JSON object: correct it.")
    return config
