# SPDX-License-Identifier: MIT
"""Finds the Wi-Fi network that a firmware joins, in the configuration of its ESP-IDF build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from espbench.boards.emulators import LONGEST_SSID, PASSPHRASE, Wifi

__all__ = ["network_of", "wifi_in"]

CONFIG = Path("config", "sdkconfig.json")
"""What kconfgen writes into a build folder: the options without CONFIG_, by name."""
SSID = "WIFI_SSID"
PASSWORDS = ("WIFI_PASSWORD", "WIFI_PASS", "WIFI_PASSWD")
"""How the names of options end: ESP-IDF's examples have EXAMPLE_WIFI_SSID, ESP_WIFI_SSID and so on.
"""


def wifi_in(config: dict[str, Any], source: str) -> Wifi | None:
    """Return the network that an ESP-IDF configuration names; None for none, or several; pure.

    Args:
        config: value by option, without CONFIG_.
        source: where the configuration comes from, for messages.
    """
    names = [
        (name, value)
        for name, value in config.items()
        if name.endswith(SSID) and isinstance(value, str) and value
    ]
    if len({value for _, value in names}) != 1:
        return None
    name, ssid = names[0]
    begin = name.removesuffix(SSID)
    password = next((str(config[begin + end]) for end in PASSWORDS if config.get(begin + end)), "")
    fits = 1 <= len(ssid.encode()) <= LONGEST_SSID and (not password or len(password) in PASSPHRASE)
    return Wifi(ssid, password, f"CONFIG_{name} in {source}") if fits else None


def network_of(image: Path) -> Wifi | None:
    """Return the network that a firmware joins, if its build says so.

    Args:
        image: ESP-IDF's build folder, or an image in it.
    """
    config = (image if image.is_dir() else image.parent) / CONFIG
    try:
        found = json.loads(config.read_text())
    except (OSError, ValueError):
        return None
    return wifi_in(found, str(config)) if isinstance(found, dict) else None
