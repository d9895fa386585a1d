# SPDX-License-Identifier: MIT
"""The firmware boots, stays up, and comes back after a reset."""

from __future__ import annotations

import time

from espbench.check.check import CheckFailed, NotApplicable, Observation, check, expect
from espbench.check.result import Figure, Severity
from espbench.check.subject import Subject
from espbench.util.timeouts import Deadline


@check(
    "boot.comes_up",
    "ESP-IDF, components/bootloader_support",
    Severity.ROBUSTNESS,
    needs="",
    fresh=True,
    estimate=8,
)
def comes_up(subject: Subject) -> Observation:
    """It boots at the first attempt and serves."""
    device = subject.device
    boots = max(device.boots, len(device.resets))
    expect(boots <= 1, f"It booted {boots} times before it served: {', '.join(device.resets)}.")
    if not subject.servers:
        if device.inspection.why_not():
            return Observation("It boots. Nothing was found that answers, so nothing was asked.")
        raise CheckFailed(
            "It boots, but opens no listening port. QEMU emulates no Wi-Fi: for the emulated "
            "board, build it with Ethernet (CONFIG_ETH_USE_OPENETH)."
        )
    ready = device.timeline.first("ready") or 0.0
    boot = "boot until everything answers"
    tolerance = max(3.0, ready)
    figures = [Figure("boot.seconds", boot, ready, "s", tolerance=tolerance)]
    return Observation("", figures if ready else [])


@check(
    "boot.reset",
    "ESP-IDF, components/esp_system",
    Severity.ROBUSTNESS,
    needs="http",
    once=True,
    estimate=8,
)
def reset(subject: Subject) -> Observation:
    """After a hardware reset it serves the same."""
    if not subject.servers:
        raise NotApplicable("No listening port was found.")
    device = subject.device
    began = time.monotonic()
    device.reset(hard=True)
    silent = subject.wait_until_served(Deadline(device.ready_timeout))
    subject.accept_restarts()
    names = ", ".join(str(each) for each in silent)
    expect(not silent, f"After a reset, this does not answer any more: {names}.")
    return Observation(f"It served again after {time.monotonic() - began:.1f} s.")
