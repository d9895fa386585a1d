# SPDX-License-Identifier: MIT
"""`examine`: whether a device is still well after a check, and what became of it if not."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from espbench.boards.emulators import TITLES
from espbench.check.diagnosis.console_lines import program_ended
from espbench.check.diagnosis.memory import shortage
from espbench.check.diagnosis.processor import busiest
from espbench.check.diagnosis.state import state_of
from espbench.check.result import Severity
from espbench.check.server import Server
from espbench.check.subject import Subject
from espbench.errors import DeviceError
from espbench.util.listing import listing
from espbench.util.timeouts import Deadline

__all__ = ["Mark", "examine"]

PATIENCE = 8.0
"""Seconds (before scaling) within which a well device answers."""
RECOVERY = 30.0
"""Seconds (before scaling) that a device gets to recover."""


@dataclass(frozen=True)
class Mark:
    """What a check left on a device that is not well any more.

    Attributes:
        sentence: what became of the device.
        recovered: whether it is well again; then the next check can use it.
        severity: what it means.
        silent: the servers that did not answer, such as "http on port 80"; "" if all did.
        starved: whether too little heap was left for them.
    """

    sentence: str
    recovered: bool = False
    severity: Severity = Severity.ROBUSTNESS
    silent: str = ""
    starved: bool = False


def examine(
    subject: Subject, *, ask: bool = True, gone: Collection[str] = frozenset()
) -> Mark | None:
    """Return what became of a device during a check, or None if it is well.

    In this order: the emulator ended, panic, restart, the program ended, nothing answers, it
    recovers late.

    Args:
        subject: the device, with its state when it was well, and its servers.
        ask: whether to send requests; without, only what it printed is looked at.
        gone: servers, as in `Mark.silent`, that did not recover in earlier checks, so that no more
            time is spent on them.
    """
    device, before = subject.device, subject.state
    if not device.running:
        return Mark(f"{TITLES[device.board.emulator]} exited.")
    device.panicked()  # waits until a dump that is being printed is complete
    panics = device.faults.panics[before.panics :]
    if panics:
        frames = [str(frame) for frame in panics[0].backtrace[:4]]
        where = f" Backtrace: {', called from '.join(frames)}." if frames else ""
        headline = " ".join(panics[0].headline.split()).rstrip(".")
        device.faults.take_unseen()
        return Mark(f"It panicked: {headline}.{where}")
    if state_of(device).boots > before.boots:
        causes = device.resets[before.boots :]
        return Mark(f"It restarted{f' ({causes[-1]})' if causes else ''}.")
    text = device.console.text[before.printed :]
    # A firmware that serves nothing has nothing to end for a check.
    if subject.servers and (ended := program_ended(text)):
        return Mark(f"The console shows MicroPython's prompt: {ended}.")
    return _ask(subject, gone) if ask else None


def _ask(subject: Subject, gone: Collection[str]) -> Mark | None:
    silent = subject.silent(PATIENCE)
    # A panic's dump, or a restart, may have come meanwhile; after one, everything answers again.
    mark = examine(subject, ask=False)
    if mark is not None or not silent:
        return mark
    memory = shortage(subject.device, silent)
    who = f"{memory} {busiest(subject.device)}".strip()
    starved = bool(memory)
    named = _names(silent)
    if named in gone:
        return Mark(
            f"Afterwards, {named} did not answer for {PATIENCE:.0f} s. espbench waited no longer, "
            f"as earlier checks had shown no recovery. {who}".strip(),
            silent=named,
            starved=starved,
        )
    began = time.monotonic()
    deadline = Deadline(RECOVERY)
    while silent and not deadline.expired():
        silent = [each for each in silent if not _answers(subject, each, deadline)]
        if mark := examine(subject, ask=False):
            return mark
    took = time.monotonic() - began
    if not silent:
        return Mark(
            f"Afterwards, {named} did not answer for {PATIENCE + took:.0f} s. {who}".strip(),
            recovered=True,
            silent=named,
            starved=starved,
        )
    sentence = f"Afterwards, {named} no longer answered. {who}".strip()
    return Mark(sentence, silent=named, starved=starved)


def _answers(subject: Subject, server: Server, deadline: Deadline) -> bool:
    try:
        return subject.answers(server, max(0.5, min(PATIENCE, deadline.remaining())))
    except DeviceError:
        return False


def _names(servers: Sequence[Server]) -> str:
    return listing(each.name for each in servers)
