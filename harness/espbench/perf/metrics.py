# SPDX-License-Identifier: MIT
"""The figures that the gate compares, and their tolerances: `Kind`, `Reading`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher"]


@dataclass(frozen=True)
class Tolerance:
    """How far a figure may get worse.

    Attributes:
        amount: of per cent, or of the figure's unit.
        percent: which of the two.
    """

    amount: float
    percent: bool = False

    def of(self, value: float) -> float:
        """Return it in the figure's unit."""
        return abs(value) * self.amount / 100 if self.percent else self.amount

    def shown(self, unit: str) -> str:
        """Return it as people read it."""
        return f"{self.amount:g} {'%' if self.percent else SHORT.get(unit, unit)}"


@dataclass(frozen=True)
class Kind:
    """What a figure is.

    Attributes:
        key: for programs.
        title: for people.
        unit: "instructions" or "bytes".
        tolerance: how far it may get worse, unless the baseline says otherwise.
        better: which way.
        depends_on: names of the versions with which the figure moves although the firmware's
            sources stay: of the compiler, or of the library that is the peer in a handshake.
    """

    key: str
    title: str
    unit: str
    tolerance: Tolerance
    better: Better = "lower"
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """One figure of one run: a value, or the sentence that says why there is none."""

    kind: Kind
    value: float | None
    reason: str = ""

    def shown(self) -> str:
        """Return the value as people read it."""
        return "unavailable" if self.value is None else amount(self.value, self.kind.unit)


def amount(value: float, unit: str, *, sign: bool = False) -> str:
    """Return a value with its unit; whole numbers, because both units count things."""
    return f"{value:{'+' if sign else ''},.0f} {SHORT.get(unit, unit)}"


SHORT = {"instructions": "instr", "bytes": "B"}
"""Units as tables show them."""


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
"""Every figure but the image's sections, which the firmware names."""

IMAGE_FILE = Kind("image_file", "Image, the whole file", "bytes", _IMAGE, depends_on=_MADE)
"""Of a firmware whose sections are not known."""
SECTION = "image"
"""What the keys of the image's sections begin with."""


def section_kind(name: str) -> Kind:
    """Return what the size of an image's section is."""
    return Kind(f"{SECTION}{name}", f"Image, section {name}", "bytes", _IMAGE, depends_on=_MADE)
