# SPDX-License-Identifier: MIT
"""The emulators that can run a board, by name, and the Wi-Fi network that one of them offers."""

from __future__ import annotations

from dataclasses import dataclass

from espbench.errors import ConfigError, NotEmulated

__all__ = [
    "EMULATORS",
    "EMULATOR_VARIABLE",
    "ESP_EMU",
    "LONGEST_SSID",
    "MONITOR",
    "PASSPHRASE",
    "QEMU",
    "TITLES",
    "WIFI_PASSWORD_VARIABLE",
    "Wifi",
    "lacks",
]

QEMU = "qemu"
ESP_EMU = "esp-emu"
EMULATORS = (QEMU, ESP_EMU)
"""Names for `--emulator`."""
EMULATOR_VARIABLE = "ESPBENCH_EMULATOR"
"""Environment variable with the emulator, where no option names one."""
WIFI_PASSWORD_VARIABLE = "ESPBENCH_WIFI_PASSWORD"
"""Environment variable with the passphrase of the network that `--wifi-ssid` names. A command line
would show it to all users of the machine, and reports repeat command lines."""
TITLES = {QEMU: "QEMU", ESP_EMU: "esp-emu"}
"""Names in sentences."""

MONITOR = "monitor that pauses a guest, reads its memory and impairs its network"
"""What QEMU alone has (QMP), for `lacks`."""
LONGEST_SSID = 32
"""Bytes of an SSID (IEEE 802.11-2020, 9.4.2.2)."""
PASSPHRASE = range(8, 64)
"""Characters of a WPA2 passphrase (IEEE 802.11-2020, J.4.1); esp-emu requires the same."""


@dataclass(frozen=True)
class Wifi:
    """A Wi-Fi network.

    Attributes:
        ssid: its name.
        password: its passphrase; "": an open network.
        source: where name and passphrase were found, for messages; "" if the user said them.
    """

    ssid: str
    password: str
    source: str = ""

    def __post_init__(self) -> None:
        """Check what no network can have.

        Raises:
            ConfigError: the name or the passphrase has an impossible length.
        """
        if not 1 <= len(self.ssid.encode()) <= LONGEST_SSID:
            raise ConfigError(
                f"The Wi-Fi name {self.ssid!r} does not have 1 to {LONGEST_SSID} bytes: correct "
                "--wifi-ssid (pytest: --espbench-wifi-ssid)."
            )
        if self.password and len(self.password) not in PASSPHRASE:
            raise ConfigError(
                f"The password of the Wi-Fi network {self.ssid!r} has {len(self.password)} "
                f"characters: WPA2 needs {PASSPHRASE.start} to {PASSPHRASE.stop - 1}, or none for "
                f"an open network ({WIFI_PASSWORD_VARIABLE})."
            )


def lacks(what: str) -> NotEmulated:
    """Return the error for a feature that esp-emu lacks.

    Args:
        what: the feature, as it completes "esp-emu has no ...".
    """
    return NotEmulated(
        f"esp-emu has no {what}; QEMU does, which runs the boards esp32, esp32c3 and esp32s3."
    )
