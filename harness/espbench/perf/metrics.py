# SPDX-License-Identifier: MIT
"""`Kind` and `Reading`: the figures that the gate compares, and their tolerances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Tolerance:
    """How much worse a figure may get.

    Attributes:
        amount: the amount, in percent or in the figure's unit.
        percent: whether it is in percent.
    """

    amount: float
    percent: bool = False

    def of(self, value: float) -> float:
        """Return the tolerance for `value` in the figure's unit."""
        return abs(value) * self.amount / 100 if self.percent else self.amount

    def shown(self, unit: str) -> str:
        """Return the tolerance for display."""
        return f"{self.amount:g} {'%' if self.percent else SHORT.get(unit, unit)}"


@dataclass(frozen=True)
class Kind:
    """Description of a figure.

    Attributes:
        key: identifier, for JSON.
        title: name, for display.
        unit: "instructions" or "bytes".
        tolerance: how much worse it may get, unless the baseline says otherwise.
        better: which direction is better.
        depends_on: names of versions on which the figure depends besides the firmware's sources:
            the compiler, or the TLS library that is the peer in a handshake.
    """

    key: str
    title: str
    unit: str
    tolerance: Tolerance
    better: Better = "lower"
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """One figure of one run: a value, or the reason why it is unavailable."""

    kind: Kind
    value: float | None
    reason: str = ""

    def shown(self) -> str:
        """Return the value for display."""
        return "unavailable" if self.value is None else amount(self.value, self.kind.unit)


def amount(value: float, unit: str, *, sign: bool = False) -> str:
    """Return a value with its unit, rounded to a whole number, because both units are counts."""
    return f"{value:{'+' if sign else ''},.0f} {SHORT.get(unit, unit)}"


SHORT = {"instructions": "instr", "bytes": "B"}
"""Abbreviations of units in tables."""


_WORK = Tolerance(1, percent=True)
_HANDSHAKE = Tolerance(2, percent=True)
_BYTES = Tolerance(256)
_IMAGE = Tolerance(4096)

COMPILER, TLSLITE = "compiler", "tlslite-ng"
_MADE = (COMPILER,)
_TLS = (TLSLITE,)

BOOT = Kind("boot_work", "Boot until HTTPS listens", "instructions", _WORK, depends_on=_MADE)
HANDSHAKE_RSA = Kind(
    "handshake_rsa2048_work", "Handshake, RSA-2048", "instructions", _HANDSHAKE,
    depends_on=_MADE + _TLS,
)  # fmt: skip
HANDSHAKE_P256 = Kind(
    "handshake_p256_work", "Handshake, P-256", "instructions", _HANDSHAKE,
    depends_on=_MADE + _TLS,
)  # fmt: skip
REQUEST = Kind(
    "request_work", "Request on a new connection", "instructions", _WORK, depends_on=_MADE
)
ECHO = Kind("echo_work", "WebSocket echo", "instructions", _WORK, depends_on=_MADE)
WEBREPL = Kind("webrepl_work", "WebREPL transfer, 4 kB", "instructions", _WORK, depends_on=_MADE)
FREE = Kind("heap_free", "Heap that is free, servers running", "bytes", Tolerance(512), "higher")
SESSION_RSA = Kind(
    "session_rsa2048_heap", "Heap of a session, RSA-2048", "bytes", _BYTES, depends_on=_TLS
)
SESSION_P256 = Kind(
    "session_p256_heap", "Heap of a session, P-256", "bytes", _BYTES, depends_on=_TLS
)
PEAK_RSA = Kind(
    "peak_rsa2048_heap", "Heap at a handshake's peak, RSA-2048", "bytes", Tolerance(512),
    depends_on=_TLS,
)  # fmt: skip
PEAK_P256 = Kind(
    "peak_p256_heap", "Heap at a handshake's peak, P-256", "bytes", Tolerance(512),
    depends_on=_TLS,
)  # fmt: skip
LEAK_HTTP = Kind("leak_http_heap", "Heap lost with each HTTP connection", "bytes", Tolerance(8))
LEAK_TLS = Kind("leak_https_heap", "Heap lost with each HTTPS connection", "bytes", Tolerance(8))
LOW_WATER = Kind("heap_low_water", "Heap's low-water mark", "bytes", Tolerance(512), "higher", _TLS)
STACK_NET = Kind(
    "stack_network_free", "Network's stack, least ever free", "bytes", Tolerance(256), "higher",
    _MADE,
)  # fmt: skip
STACK_MAIN = Kind(
    "stack_main_free", "MicroPython's stack, least ever free", "bytes", Tolerance(256), "higher",
    _MADE,
)  # fmt: skip

KINDS = {
    kind.key: kind
    for kind in (
        *(BOOT, HANDSHAKE_RSA, HANDSHAKE_P256, REQUEST, ECHO, WEBREPL),
        *(FREE, SESSION_RSA, SESSION_P256, PEAK_RSA, PEAK_P256, LEAK_HTTP, LEAK_TLS),
        *(LOW_WATER, STACK_NET, STACK_MAIN),
    )
}
"""All figures except the image's sections, whose names come from the firmware."""

FREE_OUTSIDE = Kind(FREE.key, FREE.title, "bytes", Tolerance(1024), "higher")
SESSION_OUTSIDE = Kind("session_heap", "Heap of a TLS session", "bytes", Tolerance(512))
LEAK_HTTP_OUTSIDE = Kind(LEAK_HTTP.key, LEAK_HTTP.title, "bytes", Tolerance(16))
LEAK_TLS_OUTSIDE = Kind(LEAK_TLS.key, LEAK_TLS.title, "bytes", Tolerance(16))
LOW_WATER_OUTSIDE = Kind(LOW_WATER.key, LOW_WATER.title, "bytes", Tolerance(8192), "higher")
OUTSIDE = {
    kind.key: kind
    for kind in (
        *(FREE_OUTSIDE, SESSION_OUTSIDE, LEAK_HTTP_OUTSIDE, LEAK_TLS_OUTSIDE, LOW_WATER_OUTSIDE),
    )
}
"""Figures of a firmware without module `bench`, measured from outside while packets arrive in any
order: the low-water mark is that of the largest coincidence."""
STACK = "stack."
"""Prefix of the keys of tasks' stacks."""


def stack_kind(task: str) -> Kind:
    """Return the description of the least free stack of a task."""
    title = f"Stack of task {task}, least ever free"
    return Kind(f"{STACK}{task}", title, "bytes", Tolerance(256), "higher", _MADE)


IMAGE_FILE = Kind("image_file", "Image, the whole file", "bytes", _IMAGE, depends_on=_MADE)
"""For a firmware whose sections are unknown."""
SECTION = "image"
"""Prefix of the keys of the image's sections."""


def section_kind(name: str) -> Kind:
    """Return the description of the size of an image's section."""
    return Kind(f"{SECTION}{name}", f"Image, section {name}", "bytes", _IMAGE, depends_on=_MADE)
