# SPDX-License-Identifier: MIT
"""Chooses the WebREPL's password for `espbench up`, instead of the built-in one.

The default application (`firmware/app/bench_app.py`) reads it from /config.json. It gets there in
the flash image, which only this user can read, and is not on any command line.
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
"""The environment variable that sets it; unlike an option, other users cannot see it in `ps`."""
CONFIG, MAIN = "/config.json", "/main.py"
MODULE = "webrepl"
LONGEST = 128
"""The most characters that the WebREPL accepts."""
ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
"""Letters and digits without l, o, 0 and 1, which look alike."""
LENGTH = 12
"""Characters of a random password, 5 bits each."""


@dataclass(frozen=True)
class Access:
    """The files of a device, and its WebREPL's password.

    Attributes:
        files: content, or the path of a file on the host, by path on the device.
        password: the WebREPL's; None if one of the user's files sets it, or the firmware.
        source: that file's path on the device, or "the firmware"; "" with a password.
    """

    files: Mapping[str, Any]
    password: str | None
    source: str = ""


def random_password() -> str:
    """Return a random password of 60 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def chosen_password(environment: Mapping[str, str]) -> str:
    """Return the password that the environment sets, or a random one.

    Raises:
        ConfigError: it is too long for the WebREPL, or has unprintable characters.
    """
    named = environment.get(VARIABLE, "")
    if not named:
        return random_password()
    if len(named) > LONGEST or not (named.isascii() and named.isprintable()):
        raise ConfigError(
            f"{VARIABLE} is not a valid WebREPL password: use at most {LONGEST} printable ASCII "
            "characters."
        )
    return named


def with_password(files: Mapping[str, Any], password: str) -> Access:
    """Return the files with a password for the default application's WebREPL.

    A /main.py replaces that application, and sets its own password if it starts the WebREPL at all.
    A password in /config.json is kept.

    Raises:
        ConfigError: /config.json is not a JSON object, so the built-in password would apply.
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
