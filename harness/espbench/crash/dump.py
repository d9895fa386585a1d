# SPDX-License-Identifier: MIT
"""Finds panic dumps in console text, and parses them: `Collector`, `parse_dump`.

Dumps have ESP-IDF's format (`components/esp_system/panic.c`): a headline, registers, the guest's
own backtrace, and stack memory.
"""

from __future__ import annotations

import re
import struct

from espbench.crash.types import Dump

__all__ = ["Collector", "parse_dump"]

_START = re.compile(
    r"^.*(Guru Meditation Error: .*|assert failed: .*|abort\(\) was called.*"
    r"|\*\*\*ERROR\*\*\* A stack overflow in task .*|Stack smashing protect failure!.*"
    r"|task_wdt: Aborting\..*)$"
)
_WATCHDOG = re.compile(r"^.*\btask_wdt: (.*)$")
"""Message of the task watchdog, whether or not it aborts. When it aborts, ESP-IDF v5 prints no
other headline."""
_CORE_START = re.compile(r"^=+ CORE DUMP START =+$")
_CORE_END = re.compile(r"^=+ CORE DUMP END =+$")
_END = re.compile(r"^.*(Rebooting\.\.\.|CPU halted\.?).*$")
_REGISTER = re.compile(r"\b([A-Z][A-Z0-9]*)\s*: (0x[0-9a-fA-F]{8})\b")
_FRAME = re.compile(r"(0x[0-9a-fA-F]{8}):(0x[0-9a-fA-F]{8})")
_MEMORY = re.compile(r"^(?:0x)?([0-9a-fA-F]{8}):((?:\s+0x[0-9a-fA-F]{8})+)\s*$")
_CAUSE = re.compile(r"panic'ed \(([^)]*)\)")


def parse_dump(text: str) -> Dump:
    """Parse a dump from its headline to its end; missing parts stay empty."""
    lines = [line.rstrip() for line in text.splitlines()]
    headlines = [m[1] for line in lines if (m := _START.match(line))]
    registers: dict[str, int] = {}
    backtrace: list[tuple[int, int]] = []
    memory: dict[int, bytes] = {}
    core: list[str] | None = None
    corrupted = core_ended = False
    for line in lines:
        if _CORE_START.match(line):
            core = []
        elif _CORE_END.match(line):
            core_ended = True
        elif core is not None and not core_ended:
            core.append(line)
        elif line.startswith("Backtrace:"):
            # With two cores, the backtrace of the panicking one comes first.
            if not backtrace:
                backtrace += [(int(pc, 16), int(sp, 16)) for pc, sp in _FRAME.findall(line)]
                corrupted = "CORRUPTED" in line
        elif match := _MEMORY.match(line):
            address = int(match[1], 16)
            for offset, word in enumerate(match[2].split()):
                memory[address + 4 * offset] = struct.pack("<I", int(word, 16))
        elif not line.startswith("ELF file"):
            for name, value in _REGISTER.findall(line):
                registers.setdefault(name, int(value, 16))
    watchdog = [m[1] for line in lines if (m := _WATCHDOG.match(line))]
    headline = headlines[0] if headlines else (lines[0] if lines else "")
    return Dump(
        headline=_watchdog_headline(watchdog) if watchdog else headline,
        cause="task watchdog" if watchdog else _cause(headlines),
        registers=registers,
        backtrace=tuple(backtrace),
        memory=memory,
        text=_without_core(text),
        corrupted=corrupted,
        core="\n".join(core) if core is not None and core_ended else "",
    )


def _without_core(text: str) -> str:
    """Return the text of a dump without the lines of the core dump, which are unreadable."""
    shown = []
    inside = False
    for line in text.splitlines():
        inside = inside and not _CORE_END.match(line.rstrip())
        if not inside:
            shown.append(line)
        inside = inside or bool(_CORE_START.match(line.rstrip()))
    return "\n".join(shown)


def _watchdog_headline(lines: list[str]) -> str:
    """Return the task watchdog's first sentence, with the tasks that did not reset it."""
    late = [line.strip().removeprefix("- ") for line in lines if line.startswith(" - ")]
    return f"{lines[0]} {', '.join(late)}".rstrip()


def _cause(headlines: list[str]) -> str:
    for headline in headlines:
        if headline.startswith("assert failed"):
            return "assert"
        if match := _CAUSE.search(headline):
            return match[1]
        if headline.startswith("abort"):
            return "abort"
        if headline.startswith("***ERROR*** A stack overflow"):
            return "stack overflow"
        if headline.startswith("Stack smashing"):
            return "stack smashing"
    return "unknown"


class Collector:
    """Finds dumps in console text that arrives in pieces."""

    def __init__(self) -> None:
        """Start outside a dump."""
        self._line = ""
        self._dump: list[str] | None = None
        self._watchdog: list[str] = []

    @property
    def collecting(self) -> bool:
        """Whether a dump has begun and not ended."""
        return self._dump is not None

    def feed(self, text: str) -> list[str]:
        """Take more text and return the dumps that it completes."""
        dumps = []
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            if self._dump is None:
                if _START.match(line):
                    self._dump = [*self._watchdog, line]
                    self._watchdog = []
                elif _WATCHDOG.match(line):
                    self._watchdog.append(line)
                elif line:
                    self._watchdog = []
                continue
            self._dump.append(line)
            if _END.match(line):
                dumps.append("\n".join(self._dump))
                self._dump = None
        return dumps

    def finish(self) -> str | None:
        """Return the incomplete dump, if there is one, and forget it."""
        if self._dump is None:
            return None
        text = "\n".join([*self._dump, self._line])
        self._dump = None
        self._line = ""
        return text
