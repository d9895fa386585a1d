# SPDX-License-Identifier: MIT
"""The firmware boots, stays up, and comes back after a reset."""

from __future__ import annotations

import re
import time

from espbench.boards.emulators import WIFI_PASSWORD_VARIABLE
from espbench.check.check import CheckFailed, NotApplicable, Observation, check, expect
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject
from espbench.device.console.program import ending_of
from espbench.device.device import Device
from espbench.util.listing import listing
from espbench.util.timeouts import Deadline

STATION = re.compile(r"\bwifi:mode : sta\b")
"""What ESP-IDF's Wi-Fi driver logs when it starts as a station."""


@check(
    "boot.comes_up",
    "ESP-IDF, components/bootloader_support",
    Severity.ROBUSTNESS,
    needs="",
    fresh=True,
    estimate=8,
)
def comes_up(subject: Subject) -> Observation:
    """It boots at the first attempt, and its servers answer."""
    device = subject.device
    boots = max(device.boots, len(device.resets))
    causes = f" (causes of reset: {listing(device.resets)})" if device.resets else ""
    expect(boots <= 1, f"It booted {boots} times before its servers answered{causes}.")
    if not subject.servers:
        if not device.board.in_qemu:
            return _without_servers(device)
        ending = ending_of(device.console.text)
        ended = ending.cause if ending is not None and ending.prompt else ""
        if device.inspection.why_not():
            seen = "It boots. No server answered, so there was nothing else to check."
            return Observation(f"{seen} {ended}." if ended else seen)
        expect(not ended, f"{ended}, so it listens on no port.")
        raise CheckFailed(
            "It boots, but listens on no port. QEMU emulates no Wi-Fi: build the firmware with "
            "Ethernet for the emulated board (CONFIG_ETH_USE_OPENETH)."
        )
    ready = device.timeline.first("ready") or 0.0
    boot = "time from power-on until ready"
    tolerance = max(3.0, ready)
    figures = [Figure("boot.seconds", boot, ready, "s", tolerance=tolerance)]
    return Observation("", figures if ready else [])


def _without_servers(device: Device) -> Observation:
    """Return what is known of a firmware in esp-emu that answers on no port that was tried.

    Raises:
        CheckFailed: it waits for a Wi-Fi network.
    """
    text = device.console.text
    wifi = device.board.wifi
    name = "its default one, myssid with the password mypassword" if wifi is None else wifi.ssid
    if STATION.search(text) and device.guest_address not in text:
        raise CheckFailed(
            f"It starts Wi-Fi, but got no address. The network that esp-emu offers is {name}: name "
            f"the one that the firmware joins with --wifi-ssid, and set {WIFI_PASSWORD_VARIABLE}."
        )
    tried = listing(str(port) for port in sorted({each.guest_port for each in device.forwards}))
    return Observation(
        f"It boots. No server answered on the ports {tried}, so there was nothing else to check. "
        "If it listens on another one, name that with --ports."
    )


@check(
    "boot.reset",
    "ESP-IDF, components/esp_system",
    Severity.ROBUSTNESS,
    needs="http",
    once=True,
    estimate=8,
)
def reset(subject: Subject) -> Observation:
    """After a hardware reset, every server answers again."""
    if not subject.servers:
        raise NotApplicable("No listening port was found.")
    device = subject.device
    began = time.monotonic()
    device.reset(hard=True)
    deadline = Deadline(device.ready_timeout)
    silent = subject.wait_until_served(deadline)
    subject.accept_restarts()
    names = listing(each.name for each in silent)
    expect(not silent, f"After a hardware reset, {names} did not answer within {deadline}.")
    seconds = time.monotonic() - began
    return Observation(f"Every server answered again {seconds:.1f} s after a hardware reset.")
